import { ApplicationFailure } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import { BctrlError } from '../bctrl/bctrl-error.js';
import { truncatePath } from '../shared/display-text.js';
import { isError } from '../shared/external-input.js';
import type { FailureDetails } from '../shared/failure-details.js';
import type { FailureCounts } from '../shared/heartbeat-details.js';
import { nextRetryDelayMs, type RetryRule } from '../shared/retry-table.js';

/** Temporal does not retry a failure whose delay is 0. */
const MIN_RETRY_DELAY_MS = 1;

/** Temporal drops larger details of a failure, and with them the code and the request id. */
const MAX_DETAILS_BYTES = 3_000;

/** Converts anything thrown. A fault of this program is retried as often as one of the server. */
export function toBctrlError(thrown: unknown): BctrlError {
  if (thrown instanceof BctrlError) return thrown;
  const cause = isError(thrown) ? thrown : new Error(String(thrown));
  return new BctrlError(`unexpected ${cause.name}`, { reasonClass: 'server', mayHaveSucceeded: true, cause });
}

/**
 * Counts one more failure, and decides whether it is final.
 *
 * @returns milliseconds until the next attempt, or `null` if the failure is final
 */
export function recordFailure(
  counts: FailureCounts,
  error: BctrlError,
  rule: RetryRule,
  random: () => number,
): number | null {
  const failures = (counts[error.reasonClass] ?? 0) + 1;
  counts[error.reasonClass] = failures;
  return nextRetryDelayMs(rule, { ...error, failures }, random);
}

/**
 * Converts an error of the API into the failure that an activity throws.
 *
 * @param subject what the call was about; the message begins with it if there is one
 * @param delayMs milliseconds until the next attempt, or `null` if the failure is final
 * @param unverified the failed request may have succeeded
 */
export function toApplicationFailure(
  error: BctrlError,
  subject: string | undefined,
  delayMs: number | null,
  unverified = false,
): ApplicationFailure {
  return ApplicationFailure.create({
    message: subject === undefined ? error.message : `${truncatePath(subject)}: ${error.message}`,
    type: error.reasonClass,
    details: [{ ...toFailureDetails(error), ...(unverified && { unverified }) }],
    nonRetryable: delayMs === null,
    // A retry is an ordinary event: the SDK neither logs it as a warning nor counts it as a failure.
    ...(delayMs !== null && {
      nextRetryDelay: Math.max(delayMs, MIN_RETRY_DELAY_MS),
      category: ApplicationFailureCategory.BENIGN,
    }),
    ...(isError(error.cause) && { cause: error.cause }),
  });
}

function toFailureDetails(error: BctrlError): Omit<FailureDetails, 'unverified'> {
  const fields = toErrorFields(error);
  if (error.details === undefined) return fields;
  const whole = { ...fields, details: error.details };
  const fits = Buffer.byteLength(JSON.stringify(whole)) <= MAX_DETAILS_BYTES;
  return fits ? whole : { ...fields, details: { truncated: true } };
}

/** What an error says for failures, outcomes and logs, without absent fields. */
export function toErrorFields({ reasonClass, code, status, requestId, hint }: BctrlError) {
  return {
    reasonClass,
    ...(code !== undefined && { code }),
    ...(status !== undefined && { status }),
    ...(requestId !== undefined && { requestId }),
    ...(hint !== undefined && { hint }),
  };
}
