import { isGrpcServiceError } from '@temporalio/client';
import { readApiClock, verifyApiKeyOnce } from '../../api-checks.js';
import { grpcStatus } from '../../client/grpc-status.js';
import type { BctrlConfig, StarterConfig } from '../../config.js';
import { ExitError, exitCodes } from '../../exit.js';
import { parseWorkerVersion } from '../../shared/worker-identity.js';
import { version } from '../../version.js';
import { formatDuration } from '../output/format.js';
import { listPollers } from '../temporal/pollers.js';
import { findMissingSearchAttributes, isUnsupportedByServer } from '../temporal/search-attributes.js';
import { connect, type Session } from '../temporal/session.js';

/** What a check found when there is no problem. A check throws an ExitError for a problem. */
export interface CheckSuccess {
  readonly message: string;
  readonly isWarning?: boolean;
}

/** The oldest Node.js that this package supports (`engines` in package.json). */
const MIN_NODE = [20, 19] as const;

/** A person at a terminal should not wait longer to read that the API is not reachable. */
const REQUEST_TIMEOUT_MS = 10_000;

/** Allows for the time a request takes, and for the whole seconds of the `Date` header. */
const MAX_SKEW_MS = 30_000;

/** @param nodeVersion as in `process.versions.node` */
export function checkNode(nodeVersion: string): CheckSuccess {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  const isOld = major < MIN_NODE[0] || (major === MIN_NODE[0] && minor < MIN_NODE[1]);
  if (!isOld) return { message: nodeVersion };
  const advice = `install Node.js ${MIN_NODE.join('.')} or newer`;
  throw new ExitError(exitCodes.usage, `${nodeVersion} is too old: ${advice}`);
}

/** Names the proxy for requests to the API, without its user and password. */
export function checkProxy({ baseUrl, proxyUrl }: BctrlConfig): CheckSuccess {
  if (proxyUrl === undefined) return { message: 'none' };
  const { protocol, host } = new URL(proxyUrl);
  return { message: `${protocol}//${host} for ${baseUrl}` };
}

/** Checks that the API is reachable, is the bctrl API and accepts the key. */
export async function checkKey(bctrl: BctrlConfig): Promise<CheckSuccess> {
  const problem = await verifyApiKeyOnce({ ...bctrl, requestTimeoutMs: REQUEST_TIMEOUT_MS });
  if (problem === undefined) return { message: `${bctrl.baseUrl} accepts the key` };
  return { message: `could not check the key (${problem}): try again later`, isWarning: true };
}

/** Compares this machine's clock with the API's, which dates files and computes Retry-After. */
export async function checkClock(bctrl: BctrlConfig): Promise<CheckSuccess> {
  const sentMs = Date.now();
  const apiMs = await readApiClock(bctrl, REQUEST_TIMEOUT_MS);
  if (apiMs === undefined) {
    return { message: 'unknown: the API does not send its time', isWarning: true };
  }
  // The API read its clock at some time between request and response.
  const skewMs = Math.max(sentMs - apiMs, apiMs - Date.now(), 0);
  const skew = `${formatDuration(skewMs)} apart from the API's`;
  if (skewMs <= MAX_SKEW_MS) return { message: skew };
  throw new ExitError(exitCodes.usage, `${skew}: synchronize the clock of this machine with NTP`);
}

export async function checkConnection(
  config: StarterConfig,
): Promise<CheckSuccess & { readonly session: Session }> {
  return { message: config.temporal.connectionOptions.address, session: await connect(config) };
}

export async function checkNamespace({ client, config }: Session): Promise<CheckSuccess> {
  const { namespace } = config.temporal;
  try {
    await client.workflowService.describeNamespace({ namespace });
  } catch (error) {
    if (!isGrpcServiceError(error) || error.code !== grpcStatus.NOT_FOUND) throw error;
    const problem = `TEMPORAL_NAMESPACE: there is no namespace "${namespace}"`;
    throw new ExitError(exitCodes.usage, `${problem}: create it, or set another one`);
  }
  return { message: namespace };
}

/** Only warns: pipelines run without search attributes, but `list` cannot filter them. */
export async function checkSearchAttributes(session: Session): Promise<CheckSuccess> {
  try {
    const missing = await findMissingSearchAttributes(session);
    if (missing.length === 0) return { message: 'registered' };
    const names = missing.map(({ name }) => name).join(', ');
    return { message: `not registered: ${names}: run bctrl-temporal setup`, isWarning: true };
  } catch (error) {
    if (!isUnsupportedByServer(error)) throw error;
    return { message: 'unknown: this Temporal server does not let clients list them', isWarning: true };
  }
}

/** Checks that workers poll the task queue for workflows and activities, and compares their versions. */
export async function checkWorker(session: Session): Promise<CheckSuccess> {
  const { taskQueue } = session.config;
  for (const kind of ['workflows', 'activities'] as const) {
    if ((await listPollers(session, kind)).length > 0) continue;
    const problem = `no worker polls task queue "${taskQueue}" for ${kind}`;
    throw new ExitError(exitCodes.unreachable, `${problem}: start bctrl-temporal-worker`);
  }
  const pollers = await listPollers(session, 'activities');
  const versions = [...new Set(pollers.map(({ identity }) => parseWorkerVersion(identity) ?? 'unknown'))];
  const lastSeen = formatDuration(Math.min(...pollers.map(({ agoMs }) => agoMs)));
  const count = `${pollers.length} on task queue "${taskQueue}"`;
  const message = `${count}, version ${versions.join(' and ')}, last seen ${lastSeen} ago`;
  if (versions.every((each) => each === version)) return { message };
  const advice = `this is version ${version}: another one may not support all of its requests`;
  return { message: `${message}; ${advice}`, isWarning: true };
}
