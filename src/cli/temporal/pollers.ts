import type { google, temporal } from '@temporalio/proto';
import type { Session } from './session.js';

/** TypeScript compares the numbers with the enum's. Only its types are imported, as its package is large. */
const taskQueueTypes: {
  workflows: temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW;
  activities: temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY;
} = { workflows: 1, activities: 2 };

/** A long poll ends after a minute, and the worker starts the next one. */
const MAX_POLL_MS = 70_000;

export interface Poller {
  /** The worker's identity. */
  readonly identity: string;
  /** Milliseconds since its last poll. */
  readonly agoMs: number;
}

/** Lists the workers that poll the task queue. A worker that has just died is listed for a minute more. */
export async function listPollers(
  { client, config }: Session,
  kind: keyof typeof taskQueueTypes,
): Promise<Poller[]> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: config.temporal.namespace,
    taskQueue: { name: config.taskQueue },
    taskQueueType: taskQueueTypes[kind],
  });
  const nowMs = Date.now();
  return (pollers ?? [])
    .map(({ identity, lastAccessTime }) => ({
      identity: identity ?? '',
      agoMs: lastAccessTime ? nowMs - toEpochMs(lastAccessTime) : 0,
    }))
    .filter(({ agoMs }) => agoMs < MAX_POLL_MS);
}

/** Converts a protobuf timestamp to milliseconds since the epoch. */
export function toEpochMs({ seconds, nanos }: google.protobuf.ITimestamp): number {
  return Number(seconds ?? 0) * 1_000 + Math.floor((nanos ?? 0) / 1_000_000);
}
