import { ApplicationFailure } from '@temporalio/activity';
import type { BctrlError } from '../bctrl/bctrl-error.js';
import type { FailureDetails } from '../shared/failure-details.js';
import { truncatePath } from '../shared/truncate-line.js';

/** Temporal drops the details of a retained failure that are larger, and with them the code and the request id. */
const MAXIMUM_DETAILS_BYTES = 3_000;

/**
 * The failure that an activity throws for an error of the API.
 *
 * @param subject what the call was about, named first in the message
 * @param delayMs milliseconds until the next attempt, `null` when there is none
 * @param unverified what failed may have been done all the same
 */
export function toApplicationFailure(
  error: BctrlError,
  subject: string,
  delayMs: number | null,
  unverified = false,
): ApplicationFailure {
  return ApplicationFailure.create({
    message: `${truncatePath(subject)}: ${error.message}`,
    type: error.reasonClass,
    details: [{ ...toFailureDetails(error), ...(unverified && { unverified }) }],
    nonRetryable: delayMs === null,
    ...(delayMs !== null && { nextRetryDelay: delayMs }),
    ...(error.cause instanceof Error && { cause: error.cause }),
  });
}

function toFailureDetails(error: BctrlError): Omit<FailureDetails, 'unverified'> {
  const { reasonClass, code, status, requestId, hint, details } = error;
  const fields = {
    reasonClass,
    ...(code !== undefined && { code }),
    ...(status !== undefined && { status }),
    ...(requestId !== undefined && { requestId }),
    ...(hint !== undefined && { hint }),
  };
  if (details === undefined) return fields;
  const whole = { ...fields, details };
  const fits = Buffer.byteLength(JSON.stringify(whole)) <= MAXIMUM_DETAILS_BYTES;
  return fits ? whole : { ...fields, details: { truncated: true } };
}
