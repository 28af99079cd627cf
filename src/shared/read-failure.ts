import { ApplicationFailure } from '@temporalio/common';
import * as z from 'zod';
import { isObject } from './external-input.js';
import { type ApiProblem, apiProblemSchema } from './failure-details.js';
import { PIPELINE_FAILED } from './names.js';
import type { PipelineReport } from './pipeline-report.js';
import { isReasonClass, type ReasonClass } from './reason-class.js';
import { pipelineReportSchema } from './report-schema.js';

/** More causes than failures have, and few enough to end a chain that leads back to itself. */
const MAX_CAUSES = 100;

/** The final failure of a bctrl activity. */
export interface BctrlFailure extends ApiProblem {
  /** The `details` of the API's error response, or `{ truncated: true }` if they were too large to keep. */
  readonly details?: Readonly<Record<string, unknown>>;
  /**
   * `false`: the activity decided against another attempt. `true`: there was no time for one. Absent if the failure does not
   * say.
   */
  readonly retryable?: boolean;
}

/**
 * Reads the failure of a bctrl activity out of an error: of the activity, of a child workflow, or of a workflow whose result a
 * client waited for, however many other errors are around it. Its mark is a `reasonClass` as the type and in `details[0]`.
 *
 * @param error anything that was caught
 * @returns `undefined` if there is none, which is so for a timeout without a response of the API and for a cancellation.
 *   Never throws.
 */
export function readFailure(error: unknown): BctrlFailure | undefined {
  return readApplicationFailure(error, (failure) => {
    const { message, details, nonRetryable } = failure;
    const reasonClass = getReasonClass(failure);
    if (reasonClass === undefined) return undefined;
    const retryable = typeof nonRetryable === 'boolean' ? { retryable: !nonRetryable } : {};
    return { reasonClass, message: String(message), ...readDetails(details?.[0]), ...retryable };
  });
}

/** The class of a failure that this package made. A type alone is no mark: failures of others have types such as `not_found`. */
export function getReasonClass({ type, details }: ApplicationFailure): ReasonClass | undefined {
  const first = details?.[0];
  return isReasonClass(type) && isObject(first) && first['reasonClass'] === type ? type : undefined;
}

/**
 * Reads the report out of the failure of a pipeline: as a child workflow, or as a client's workflow, however many other errors
 * are around it.
 *
 * @param error anything that was caught
 * @returns `undefined` if there is none, which is so for a pipeline that was cancelled, terminated, or refused its input. Never
 *   throws.
 */
export function readReport(error: unknown): PipelineReport | undefined {
  return readApplicationFailure(error, ({ type, details }) =>
    type === PIPELINE_FAILED ? pipelineReportSchema.safeParse(details?.[0]).data : undefined,
  );
}

/**
 * The first value that `read` gets out of an `ApplicationFailure` in the cause chain of an error, from the outermost one.
 * `undefined` if there is none, or if reading threw.
 */
export function readApplicationFailure<T>(
  error: unknown,
  read: (failure: ApplicationFailure) => T | undefined,
): T | undefined {
  try {
    for (const cause of getCauseChain(error)) {
      const value = cause instanceof ApplicationFailure ? read(cause) : undefined;
      if (value !== undefined) return value;
    }
  } catch {
    // A getter of a foreign error threw.
  }
  return undefined;
}

/** An error and its causes. They need not be of this realm's `Error`: tests may run in one of their own. */
export function getCauseChain(error: unknown): object[] {
  const chain: object[] = [];
  for (let cause = error; isObject(cause) && chain.length < MAX_CAUSES; cause = cause['cause']) {
    chain.push(cause);
  }
  return chain;
}

const { shape } = apiProblemSchema;
/** Another program may have written the details: a field of the wrong type counts as missing, and the others are read. */
const detailsSchema = z
  .object({
    code: shape.code.optional().catch(undefined),
    status: shape.status.optional().catch(undefined),
    requestId: shape.requestId.optional().catch(undefined),
    hint: shape.hint.optional().catch(undefined),
    unverified: shape.unverified.optional().catch(undefined),
    details: z.record(z.string(), z.unknown()).optional().catch(undefined),
  })
  .catch(() => ({}));

function readDetails(value: unknown): Omit<BctrlFailure, 'reasonClass' | 'message'> {
  const { code, status, requestId, hint, unverified, details } = detailsSchema.parse(value);
  return {
    ...(code !== undefined && { code }),
    ...(status !== undefined && { status }),
    ...(requestId !== undefined && { requestId }),
    ...(hint !== undefined && { hint }),
    ...(unverified && { unverified }),
    ...(details && { details }),
  };
}
