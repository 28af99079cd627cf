import { BctrlClient } from './bctrl/bctrl-client.js';
import { BctrlError } from './bctrl/bctrl-error.js';
import { createDispatcher } from './bctrl/transport.js';
import type { BctrlConfig } from './config.js';
import { ExitError, exitCodes } from './exit.js';
import { isLoopbackAddress } from './listen-address.js';

/** What to do about an error of the connection, by its code: the first that matches. */
const connectionAdvice: readonly [code: RegExp, advice: string][] = [
  [
    /SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|CERT_UNTRUSTED|CERT_SIGNATURE/,
    '; NODE_EXTRA_CA_CERTS: name a file with the CA of its certificate',
  ],
  [/ALTNAME_INVALID/, '; its certificate is for another name'],
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH|EPROTO/, '; it does not speak TLS: http instead of https?'],
];

/** Names of this machine (RFC 6761). */
const localName = /^(?:.+\.)?localhost\.?$/;

/** Whether the API key travels unencrypted: over http, to another machine. */
export function isUnencrypted(baseUrl: string): boolean {
  const { protocol, hostname } = new URL(baseUrl);
  // A URL has an address of IPv6 in brackets.
  return (
    protocol === 'http:' && !localName.test(hostname) && !isLoopbackAddress(hostname.replace(/[[\]]/g, ''))
  );
}

/**
 * Asks the API whether it accepts the client's key. The client then knows its account and the API's clock too.
 *
 * @param config names the API and the variable of the key in messages
 * @returns why the API could not say so now, for a problem that may pass
 * @throws ExitError if no pipeline can work: the key is refused, the API is unreachable, or the server is not the bctrl API
 */
export async function verifyApiKey(
  client: BctrlClient,
  { baseUrl, apiKeyFile }: Pick<BctrlConfig, 'baseUrl' | 'apiKeyFile'>,
): Promise<string | undefined> {
  try {
    await client.whoami();
    return undefined;
  } catch (error) {
    if (!(error instanceof BctrlError)) throw error;
    const detail = `${baseUrl}: ${error.message}`;
    if (error.reasonClass === 'unauthorized') {
      const variable = apiKeyFile?.variable ?? 'BCTRL_API_KEY';
      throw new ExitError(exitCodes.usage, `${variable}: the API refuses it (${detail})`);
    }
    if (error.status === undefined) {
      const { code = '' } = error;
      const [, advice = ''] = connectionAdvice.find(([pattern]) => pattern.test(code)) ?? [];
      const problem = `BCTRL_BASE_URL: the API is not reachable (${detail})${advice}`;
      throw new ExitError(exitCodes.unreachable, problem);
    }
    if (error.reasonClass === 'not_found' || error.code === 'response.invalid') {
      throw new ExitError(exitCodes.usage, `BCTRL_BASE_URL: this is not the bctrl API (${detail})`);
    }
    return detail;
  }
}

/** Asks the API once whether it accepts the configured key, with a client of its own. See {@link verifyApiKey}. */
export async function verifyApiKeyOnce(config: BctrlConfig): Promise<string | undefined> {
  const client = new BctrlClient(config);
  try {
    return await verifyApiKey(client, config);
  } finally {
    await client.close();
  }
}

interface JsonResponse {
  readonly status: number;
  /** `undefined` if the body is not JSON. */
  readonly json: unknown;
}

/** Reads a URL once, following no redirect. */
export async function readJson(
  url: string,
  proxyUrl: string | undefined,
  timeoutMs: number,
): Promise<JsonResponse | { readonly problem: string }> {
  const dispatcher = createDispatcher(proxyUrl, { connect: { timeout: timeoutMs } });
  try {
    const { origin, pathname } = new URL(url);
    const signal = AbortSignal.timeout(timeoutMs);
    const { statusCode, body } = await dispatcher.request({ origin, path: pathname, method: 'GET', signal });
    return { status: statusCode, json: await body.json().catch(() => undefined) };
  } catch (error) {
    const { name, code = name }: NodeJS.ErrnoException =
      error instanceof Error ? error : new Error(String(error));
    return { problem: code };
  } finally {
    await dispatcher.destroy();
  }
}

/** The API's clock in epoch milliseconds, from the `date` header. Undefined if there is none within `timeoutMs`. */
export async function readApiClock(
  { baseUrl, proxyUrl }: BctrlConfig,
  timeoutMs: number,
): Promise<number | undefined> {
  const dispatcher = createDispatcher(proxyUrl, { connect: { timeout: timeoutMs } });
  try {
    const { origin, pathname } = new URL(baseUrl);
    const signal = AbortSignal.timeout(timeoutMs);
    const { headers } = await dispatcher.request({ origin, path: pathname, method: 'HEAD', signal });
    const ms = Date.parse(String(headers['date']));
    return Number.isNaN(ms) ? undefined : ms;
  } catch {
    return undefined;
  } finally {
    await dispatcher.destroy();
  }
}
