import { type ExitCode, ExitError, exitCodes } from '../../exit.js';
import { parseWorkerVersion } from '../../shared/worker-identity.js';
import type { WorkerKey, WorkerState } from '../../shared/worker-state.js';
import { version } from '../../version.js';
import { formatDuration } from '../output/format.js';
import { askWorkers } from '../temporal/ask-workers.js';
import { listPollers, type Poller } from '../temporal/pollers.js';
import type { Session } from '../temporal/session.js';
import { type CheckSuccess, formatKeys } from './doctor-checks.js';

/** A worker that polls the task queue, and what it says of itself. */
export interface AskedWorker extends Poller {
  /** `undefined` if it does not answer: it has ended, hangs, or is no worker of this package. */
  readonly state: WorkerState | undefined;
}

/**
 * Finds the workers of the task queue, and asks each how it is. One that has just ended is among the pollers for a minute more, but
 * does not answer.
 *
 * @throws ExitError if there is none
 */
export async function checkWorkers(
  session: Session,
): Promise<CheckSuccess & { readonly workers: readonly AskedWorker[] }> {
  const { taskQueue } = session.config;
  const queue = `task queue "${taskQueue}"`;
  for (const kind of ['workflows', 'activities'] as const) {
    if ((await listPollers(session, kind)).length > 0) continue;
    const problem = `no worker polls ${queue} for ${kind}`;
    throw new ExitError(exitCodes.unreachable, `${problem}: start bctrl-temporal-worker`);
  }
  const pollers = await listPollers(session, 'activities');
  const own = pollers.map(({ identity }) => identity).filter(isOwn);
  const states = own.length > 0 ? await askWorkers(session, own) : new Map<string, WorkerState>();
  const workers = pollers.map((poller) => ({ ...poller, state: states.get(poller.identity) }));
  const alive = workers.filter(({ identity, state }) => state !== undefined || !isOwn(identity));
  if (alive.length > 0) return { message: `${alive.length} on ${queue}`, workers };
  const lastSeen = formatDuration(Math.min(...pollers.map(({ agoMs }) => agoMs)));
  const problem = `no worker answers on ${queue}, last seen ${lastSeen} ago`;
  throw new ExitError(exitCodes.unreachable, `${problem}: start bctrl-temporal-worker, or look at its log`);
}

function isOwn(identity: string): boolean {
  return parseWorkerVersion(identity) !== undefined;
}

/** @throws ExitError if the worker cannot work */
export function checkWorkerState(
  { identity, agoMs, state }: AskedWorker,
  ownKeys: readonly WorkerKey[],
): CheckSuccess {
  const [name] = identity.split(' ', 1);
  const warn = (problem: string) => ({ message: `${name}: ${problem}`, isWarning: true });
  const lastSeen = `last seen ${formatDuration(agoMs)} ago`;
  if (!isOwn(identity)) return warn(`another program, which is not asked, ${lastSeen}`);
  if (state === undefined) return warn(`does not answer, ${lastSeen}: it has ended, or hangs`);
  const { apiKey, activities, requests } = state;
  if (apiKey.problem !== undefined) {
    const code: ExitCode = apiKey.isRefused ? exitCodes.usage : exitCodes.unreachable;
    const problem = apiKey.isRefused ? 'the API refuses its key' : 'it cannot check its key';
    throw new ExitError(code, `${name}: ${problem} (${apiKey.problem})`);
  }
  const difference = compareKeys(state.encryptionKeys ?? [], ownKeys);
  if (difference !== undefined) {
    const advice = 'give both the same BCTRL_ENCRYPTION_KEYS_FILE, and restart the worker';
    throw new ExitError(exitCodes.usage, `${name}: ${difference}: ${advice}`);
  }
  const facts = [
    `version ${state.version}`,
    apiKey.id === undefined ? 'key accepted' : `key ${apiKey.id}`,
    `${activities.running} of ${activities.limit} activity slots`,
    `${requests.inFlight} of ${requests.limit} requests`,
  ].join(', ');
  if (activities.running >= activities.limit) {
    return warn(`${facts}; it is full: start more workers`);
  }
  if (state.version === version) return { message: `${name}: ${facts}` };
  return warn(`${facts}; this is version ${version}: another one may not support all of its requests`);
}

/** How the encryption keys of a worker differ from those of this process. Their order does not matter for reading. */
function compareKeys(worker: readonly WorkerKey[], own: readonly WorkerKey[]): string | undefined {
  const without = (keys: readonly WorkerKey[], others: readonly WorkerKey[]) =>
    keys.filter(({ id, fingerprint }) => {
      return !others.some((other) => other.id === id && other.fingerprint === fingerprint);
    });
  const [surplus, missing] = [without(worker, own), without(own, worker)];
  if (surplus.length === 0 && missing.length === 0) return undefined;
  return [
    ...(surplus.length > 0
      ? [`it has the encryption keys ${formatKeys(surplus)}, which this process has not`]
      : []),
    ...(missing.length > 0 ? [`it lacks the encryption keys ${formatKeys(missing)} of this process`] : []),
  ].join('; ');
}
