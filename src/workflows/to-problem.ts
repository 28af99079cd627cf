import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  isCancellation,
} from '@temporalio/workflow';
import type { ApiProblem } from '../shared/collect-outcome.js';
import type { FailureDetails } from '../shared/failure-details.js';
import { isReasonClass } from '../shared/reason-class.js';
import { truncateLine } from '../shared/truncate-line.js';

/**
 * The last failure of an activity that finally failed.
 *
 * @param subject what the activity was about
 * @throws what is no outcome of an activity: a cancellation, a fault of this workflow
 */
export function toProblem(subject: string, error: unknown): ApiProblem {
  if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
  // The failure of an attempt may overtake the cancellation of its activity.
  if (CancellationScope.current().consideredCancelled)
    throw new CancelledFailure('the workflow was cancelled');
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (!(cause instanceof ApplicationFailure)) continue;
    const { type, message } = cause;
    // Not a failure of our activity, but of what is around it in the worker: an interceptor, a codec.
    if (!isReasonClass(type))
      return { reasonClass: 'server', message: `${subject}: ${truncateLine(message)}` };
    const { code, status, requestId, hint, unverified } = (cause.details?.[0] ??
      {}) as Partial<FailureDetails>;
    return {
      reasonClass: type,
      message,
      ...(code !== undefined && { code }),
      ...(status !== undefined && { status }),
      ...(requestId !== undefined && { requestId }),
      ...(hint !== undefined && { hint }),
      ...(unverified && { unverified }),
    };
  }
  // No attempt came to an end: the workers were lost, or there was none.
  return { reasonClass: 'upstream', message: `${subject}: no attempt came to an end in time` };
}
