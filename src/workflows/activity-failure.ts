import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  isCancellation,
  TimeoutFailure,
} from '@temporalio/workflow';
import { z } from 'zod';
import { truncateLine } from '../shared/display-text.js';
import { type ApiProblem, apiProblemSchema } from '../shared/failure-details.js';
import { heartbeatDetailsSchema } from '../shared/heartbeat-details.js';
import { isReasonClass } from '../shared/reason-class.js';

const { shape } = apiProblemSchema;
/** Another program may have written the details: a field of the wrong type counts as missing, and the others are read. */
const problemDetailsSchema = z
  .object({
    code: shape.code.optional().catch(undefined),
    status: shape.status.optional().catch(undefined),
    requestId: shape.requestId.optional().catch(undefined),
    hint: shape.hint.optional().catch(undefined),
    unverified: shape.unverified.optional().catch(undefined),
  })
  .catch({});

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
  const failure = getCauseChain(error).find((cause) => cause instanceof ApplicationFailure);
  // Every attempt was lost with its worker, or there was no worker.
  if (failure === undefined) {
    return { reasonClass: 'upstream', message: `${subject}: no attempt finished in time` };
  }
  const { type, message, details } = failure;
  // Something around the activity failed in the worker, such as an interceptor or a codec.
  if (!isReasonClass(type)) {
    return { reasonClass: 'server', message: `${subject}: ${truncateLine(message)}` };
  }
  return { reasonClass: type, message, ...readProblemDetails(details?.[0]) };
}

function readProblemDetails(details: unknown): Omit<ApiProblem, 'reasonClass' | 'message'> {
  const { code, status, requestId, hint, unverified } = problemDetailsSchema.parse(details);
  return {
    ...(code !== undefined && { code }),
    ...(status !== undefined && { status }),
    ...(requestId !== undefined && { requestId }),
    ...(hint !== undefined && { hint }),
    ...(unverified && { unverified }),
  };
}

/** Whether the activity ended without a failure of its own: it timed out, or its worker stopped or was lost. */
export function isCutOff(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  const { cause } = error;
  return !(cause instanceof ApplicationFailure && isReasonClass(cause.type));
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

function getCauseChain(error: unknown): Error[] {
  return error instanceof Error ? [error, ...getCauseChain(error.cause)] : [];
}
