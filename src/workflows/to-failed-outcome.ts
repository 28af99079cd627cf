import { ApplicationFailure } from '@temporalio/workflow';
import type { FailureDetails } from '../shared/failure-details.js';
import type { FailedOutcome } from '../shared/pipeline.js';
import { isReasonClass } from '../shared/reason-class.js';

/** What a person needs to know of an activity that finally failed: its last failure that has a reasonClass. */
export function toFailedOutcome(runtimePath: string, error: unknown): FailedOutcome {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (!(cause instanceof ApplicationFailure) || !isReasonClass(cause.type)) continue;
    const { code, requestId, hint } = (cause.details?.[0] ?? {}) as Partial<FailureDetails>;
    return {
      outcome: 'failed',
      runtimePath,
      reasonClass: cause.type,
      message: cause.message,
      ...(code !== undefined && { code }),
      ...(requestId !== undefined && { requestId }),
      ...(hint !== undefined && { hint }),
    };
  }
  // No attempt came to an end: the workers were lost, or there was none.
  const message = `${runtimePath}: no attempt came to an end in time`;
  return { outcome: 'failed', runtimePath, reasonClass: 'upstream', message };
}
