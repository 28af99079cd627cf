import { BctrlClient, type BctrlClientOptions } from './bctrl/bctrl-client.js';
import { BctrlError } from './bctrl/bctrl-error.js';
import { createDispatcher } from './bctrl/create-dispatcher.js';
import { ExitError, exitCodes } from './exit.js';

/**
 * Asks the API whose key this is, before a worker starts.
 *
 * @param baseUrl as the message names the API
 * @returns what is wrong, if the API answers, though not well: the activities' retries are made for that
 * @throws Exit where the worker could not do anything
 */
export async function verifyApiKey(client: BctrlClient, baseUrl: string): Promise<string | undefined> {
  try {
    await client.whoami();
    return undefined;
  } catch (error) {
    if (!(error instanceof BctrlError)) throw error;
    const detail = `${baseUrl}: ${error.message}`;
    if (error.reasonClass === 'unauthorized') {
      throw new ExitError(exitCodes.usage, `BCTRL_API_KEY: the API refuses it (${detail})`);
    }
    if (error.status === undefined) {
      throw new ExitError(exitCodes.unreachable, `BCTRL_BASE_URL: the API is not reachable (${detail})`);
    }
    if (error.reasonClass === 'not_found' || error.code === 'response.invalid') {
      throw new ExitError(exitCodes.usage, `BCTRL_BASE_URL: this is not the bctrl API (${detail})`);
    }
    return detail;
  }
}

/** The same with a client for this one question. */
export async function verifyApiKeyOnce(
  options: BctrlClientOptions & { readonly baseUrl: string },
): Promise<string | undefined> {
  const client = new BctrlClient(options);
  try {
    return await verifyApiKey(client, options.baseUrl);
  } finally {
    await client.close();
  }
}

/** The API's clock, in milliseconds, if it answers in time and says what time it is. */
export async function readApiClock(
  { baseUrl, proxyUrl }: Pick<BctrlClientOptions, 'proxyUrl'> & { readonly baseUrl: string },
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
