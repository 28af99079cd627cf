import { tsToMs } from '@temporalio/common/lib/time.js';
import { Exit, exitCodes } from '../../exit.js';
import { versionOfIdentity } from '../../shared/worker-identity.js';
import { version } from '../../version.js';
import { formatDuration } from '../show/format-duration.js';
import type { Session } from '../temporal/connect.js';
import type { Found } from './examination.js';

/** `TaskQueueType` of the Temporal API. */
const taskQueueTypes = { workflows: 1, activities: 2 } as const;

/** A poll that finds nothing ends after a minute, and the next one begins. */
const LONGEST_POLL_MS = 70_000;

/** @throws Exit `unreachable` if nobody polls for workflows or for activities */
export async function checkWorker(session: Session): Promise<Found<undefined>> {
  const { taskQueue } = session.config;
  for (const kind of ['workflows', 'activities'] as const) {
    if ((await pollersOf(session, kind)).length > 0) continue;
    const problem = `nobody polls task queue "${taskQueue}" for ${kind}`;
    throw new Exit(exitCodes.unreachable, `${problem}: start a worker there (bctrl-temporal-worker)`);
  }
  const pollers = await pollersOf(session, 'activities');
  const versions = [...new Set(pollers.map(({ identity }) => versionOfIdentity(identity) ?? 'unknown'))];
  const newest = Math.min(...pollers.map(({ agoMs }) => agoMs));
  const message = `${pollers.length} on task queue "${taskQueue}", version ${versions.join(' and ')}, last seen ${formatDuration(newest)} ago`;
  if (versions.every((each) => each === version)) return { message, value: undefined };
  const advice = `this is ${version}: a worker of another version may not understand all that is asked of it`;
  return { message: `${message}; ${advice}`, isWarning: true, value: undefined };
}

async function pollersOf({ client, config }: Session, kind: keyof typeof taskQueueTypes) {
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
