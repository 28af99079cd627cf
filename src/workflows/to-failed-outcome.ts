import { ApplicationFailure } from '@temporalio/workflow';
import type { FailureDetails } from '../shared/failure-details.js';
import { oneLine, shortPath } from '../shared/one-line.js';
import type { FailedOutcome } from '../shared/pipeline.js';
import { isReasonClass } from '../shared/reason-class.js';

/** What a person needs to know of an activity that finally failed: its last failure. */
export function toFailedOutcome(runtimePath: string, error: unknown): FailedOutcome {
  const failed = { outcome: 'failed', runtimePath } as const;
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (!(cause instanceof ApplicationFailure)) continue;
    const { type, message } = cause;
    // Not a failure of our activity, but of what is around it in the worker: an interceptor, a codec.
    if (!isReasonClass(type)) {
      return { ...failed, reasonClass: 'server', message: `${shortPath(runtimePath)}: ${oneLine(message)}` };
    }
    const { code, requestId, hint } = (cause.details?.[0] ?? {}) as Partial<FailureDetails>;
    return {
      ...failed,
      reasonClass: type,
      message,
      ...(code !== undefined && { code }),
      ...(requestId !== undefined && { requestId }),
      ...(hint !== undefined && { hint }),
    };
  }
  // No attempt came to an end: the workers were lost, or there was none.
  const message = `${shortPath(runtimePath)}: no attempt came to an end in time`;
  return { ...failed, reasonClass: 'upstream', message };
}
