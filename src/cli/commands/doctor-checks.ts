import { isUnencrypted, readApiClock, readJson, verifyApiKeyOnce } from '../../api-checks.js';
import { grpcStatus } from '../../client/grpc-status.js';
import { type BctrlConfig, CLOUD_UI_URL, type StarterConfig } from '../../config.js';
import { type Environment, read } from '../../environment.js';
import { ExitError, exitCodes } from '../../exit.js';
import { findProxyVariable, readProxyUrl } from '../../proxy.js';
import { isObject } from '../../shared/external-input.js';
import type { WorkerKey } from '../../shared/worker-state.js';
import { formatDuration } from '../output/format.js';
import { findMissingSearchAttributes, isUnsupportedByServer } from '../temporal/search-attributes.js';
import { connect, hasStatus, type Session } from '../temporal/session.js';
import { explainOutage, explainProxy } from './explain-outage.js';

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

/** Names the proxy for requests to the API, without its user and password, and checks that something listens there. */
export async function checkProxy(
  { baseUrl, proxyUrl }: BctrlConfig,
  env: Environment,
): Promise<CheckSuccess> {
  if (proxyUrl === undefined) return { message: 'none' };
  const problem = await explainProxy(findProxyVariable(env, new URL(baseUrl)) ?? '', proxyUrl);
  if (problem !== undefined) throw new ExitError(exitCodes.unreachable, problem);
  const { protocol, host } = new URL(proxyUrl);
  return { message: `${protocol}//${host} for ${baseUrl}` };
}

/** Checks that the API is reachable, is the bctrl API and accepts the key. */
export async function checkKey(bctrl: BctrlConfig): Promise<CheckSuccess> {
  const problem = await verifyApiKeyOnce({ ...bctrl, requestTimeoutMs: REQUEST_TIMEOUT_MS });
  if (problem === undefined) {
    const message = `${bctrl.baseUrl} accepts the key`;
    if (!isUnencrypted(bctrl.baseUrl)) return { message };
    return { message: `${message}, which travels unencrypted: use https`, isWarning: true };
  }
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

/** Names the keys by their ids and fingerprints, for a comparison with those of other machines. */
export function checkEncryption({ encryptionKeys }: StarterConfig): CheckSuccess {
  const [first, ...others] = encryptionKeys.fingerprints;
  if (first === undefined) return { message: 'off' };
  const old = others.length === 0 ? '' : `, and decrypts also with ${formatKeys(others)}`;
  return { message: `encrypts with ${formatKeys([first])}${old}` };
}

/** `k2 (1f0c33a9), k1 (84d1b7e0)`. */
export function formatKeys(keys: readonly WorkerKey[]): string {
  return keys.map(({ id, fingerprint }) => `${id} (${fingerprint})`).join(', ');
}

export async function checkConnection(
  config: StarterConfig,
  env: Environment,
): Promise<CheckSuccess & { readonly session: Session }> {
  const { connectionOptions, apiKeyFile } = config.temporal;
  const { address, apiKey, tls } = connectionOptions;
  try {
    const session = await connect(config);
    if (apiKey === undefined || tls) return { message: address, session };
    const problem = 'the API key of Temporal is sent without TLS: set TEMPORAL_TLS=true';
    return { message: `${address}: ${problem}`, isWarning: true, session };
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    const { message } = error;
    if (/UNAUTHENTICATED|PERMISSION_DENIED/.test(message)) {
      const variable = apiKeyFile?.variable ?? 'TEMPORAL_API_KEY';
      throw new ExitError(exitCodes.usage, `${variable}: Temporal refuses it, or needs it (${message})`);
    }
    const advice = await explainOutage(config, env);
    throw advice === undefined ? error : new ExitError(error.code, `${message}; ${advice}`);
  }
}

/** Only warns: links are all that the address of the UI is for. */
export async function checkUi({ uiUrl }: StarterConfig, env: Environment): Promise<CheckSuccess> {
  const variable = 'BCTRL_TEMPORAL_UI_URL';
  if (read(env, variable) === undefined || uiUrl === undefined) return { message: uiUrl ?? 'not known' };
  const warn = (problem: string) => ({ message: `${variable}: ${problem}`, isWarning: true });
  const proxyUrl = readProxyUrl(env, new URL(uiUrl));
  const response = await readJson(`${uiUrl}/api/v1/settings`, proxyUrl, REQUEST_TIMEOUT_MS);
  if ('problem' in response) return warn(`no answer from ${uiUrl} (${response.problem})`);
  const { status, json } = response;
  // Temporal Cloud, for instance, shows nothing before a login.
  const needsLogin = status === 401 || status === 403 || (status >= 300 && status < 400);
  if (needsLogin || uiUrl.startsWith(CLOUD_UI_URL))
    return { message: `${uiUrl}, not checked behind its login` };
  return isObject(json) && 'Version' in json ? { message: uiUrl } : warn(`${uiUrl} is not a Temporal UI`);
}

export async function checkNamespace({ client, config }: Session): Promise<CheckSuccess> {
  const { namespace } = config.temporal;
  try {
    await client.workflowService.describeNamespace({ namespace });
  } catch (error) {
    if (!hasStatus(error, grpcStatus.NOT_FOUND)) throw error;
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
