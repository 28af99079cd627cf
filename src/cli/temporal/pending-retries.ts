import type { WorkflowExecutionDescription } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';

/** An activity between two attempts. */
export interface PendingRetry {
  /** Distinguishes the retry from all others of the workflow. */
  readonly id: string;
  /** The attempt that comes next. */
  readonly attempt: number;
  /** Why the last one failed: class and message. */
  readonly reason: string;
  /** Milliseconds until the next attempt; 0 when it is due. */
  readonly inMs: number;
}

/** The retries that a workflow is waiting for. */
export function pendingRetries(description: WorkflowExecutionDescription, nowMs: number): PendingRetry[] {
  const pending = description.raw.pendingActivities ?? [];
  return pending.flatMap(({ activityId, attempt, lastFailure, nextAttemptScheduleTime }) => {
    if (!lastFailure || !nextAttemptScheduleTime) return [];
    const reasonClass = lastFailure.applicationFailureInfo?.type ?? 'lost worker';
    return {
      id: `${activityId}/${attempt}`,
      attempt: attempt ?? 1,
      reason: `${reasonClass}: ${lastFailure.message}`,
      inMs: Math.max(tsToMs(nextAttemptScheduleTime) - nowMs, 0),
    };
  });
}
