import { tsToMs } from '@temporalio/common/lib/time.js';
import type { Session } from './connect.js';

/** `TaskQueueType` of the Temporal API. */
const taskQueueTypes = { workflows: 1, activities: 2 } as const;

/** A poll that finds nothing ends after a minute, and the next one begins. */
const LONGEST_POLL_MS = 70_000;

/** Who polls the task queue, and how long ago that was seen: a worker that has just died is among them for a while. */
export async function pollersOf({ client, config }: Session, kind: keyof typeof taskQueueTypes) {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: config.temporal.namespace,
    taskQueue: { name: config.taskQueue },
    taskQueueType: taskQueueTypes[kind],
  });
  const nowMs = Date.now();
  return (pollers ?? [])
    .map(({ identity, lastAccessTime }) => ({
      identity: identity ?? '',
      agoMs: lastAccessTime ? nowMs - tsToMs(lastAccessTime) : 0,
    }))
    .filter(({ agoMs }) => agoMs < LONGEST_POLL_MS);
}
