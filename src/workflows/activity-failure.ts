import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  isCancellation,
  TimeoutFailure,
} from '@temporalio/workflow';
import type { z } from 'zod';
import { truncateLine } from '../shared/display-text.js';
import type { ApiProblem } from '../shared/failure-details.js';
import { heartbeatDetailsSchema } from '../shared/heartbeat-details.js';
import {
  getCauseChain,
  getReasonClass,
  readApplicationFailure,
  readFailure,
} from '../shared/read-failure.js';

/**
 * The final failure of an activity, for the report.
 *
 * @param subject what the activity was about
 * @throws `error` itself if it is not the failure of an activity, but a cancellation or a fault of this workflow
 */
export function toProblem(subject: string, error: unknown): ApiProblem {
  if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
  // The failure of an attempt may overtake the cancellation of its activity.
  if (CancellationScope.current().consideredCancelled) {
    throw new CancelledFailure('the workflow was cancelled');
  }
  const failure = readFailure(error);
  if (failure !== undefined) {
    const { details: _, retryable: __, ...problem } = failure;
    return problem;
  }
  // Something around the activity failed in the worker, such as an interceptor or a codec.
  const otherMessage = readApplicationFailure(error, ({ message }) => message);
  if (otherMessage !== undefined) {
    return { reasonClass: 'server', message: `${subject}: ${truncateLine(otherMessage)}` };
  }
  // Every attempt was lost with its worker, or there was no worker.
  return { reasonClass: 'upstream', message: `${subject}: no attempt finished in time` };
}

/** Whether the activity ended without a failure of its own: it timed out, or its worker stopped or was lost. */
export function isCutOff(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  const { cause } = error;
  return !(cause instanceof ApplicationFailure && getReasonClass(cause) !== undefined);
}

/** Whether the activity ran out of time, however its last attempt failed. */
export function isTimeout(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  return error.cause instanceof TimeoutFailure || error.retryState === 'TIMEOUT';
}

/** The checkpoint of an activity that was cancelled or timed out, `undefined` if it left none. */
export function readCheckpoint<T>(schema: z.ZodType<T>, error: unknown): T | undefined {
  for (const cause of getCauseChain(error)) {
    const checkpoint =
      cause instanceof CancelledFailure
        ? cause.details?.[0]
        : cause instanceof TimeoutFailure &&
          heartbeatDetailsSchema.safeParse(cause.lastHeartbeatDetails).data?.checkpoint;
    const { data } = schema.safeParse(checkpoint);
    if (data !== undefined) return data;
  }
  return undefined;
}
