import { ExitError, exitCodes } from '../../exit.js';
import { parseWorkerVersion } from '../../shared/worker-identity.js';
import { version } from '../../version.js';
import { formatDuration } from '../show/format-duration.js';
import type { Session } from '../temporal/connect.js';
import { pollersOf } from '../temporal/pollers.js';
import type { CheckSuccess } from './doctor-report.js';

/** @throws Exit `unreachable` if nobody polls for workflows or for activities */
export async function checkWorker(session: Session): Promise<CheckSuccess<undefined>> {
  const { taskQueue } = session.config;
  for (const kind of ['workflows', 'activities'] as const) {
    if ((await pollersOf(session, kind)).length > 0) continue;
    const problem = `nobody polls task queue "${taskQueue}" for ${kind}`;
    throw new ExitError(exitCodes.unreachable, `${problem}: start a worker there (bctrl-temporal-worker)`);
  }
  const pollers = await pollersOf(session, 'activities');
  const versions = [...new Set(pollers.map(({ identity }) => parseWorkerVersion(identity) ?? 'unknown'))];
  const newest = Math.min(...pollers.map(({ agoMs }) => agoMs));
  const message = `${pollers.length} on task queue "${taskQueue}", version ${versions.join(' and ')}, last seen ${formatDuration(newest)} ago`;
  if (versions.every((each) => each === version)) return { message, value: undefined };
  const advice = `this is ${version}: a worker of another version may not understand all that is asked of it`;
  return { message: `${message}; ${advice}`, isWarning: true, value: undefined };
}
