import { BctrlClient } from './bctrl/bctrl-client.js';
import { BctrlError } from './bctrl/bctrl-error.js';
import { createDispatcher } from './bctrl/transport.js';
import type { BctrlConfig } from './config.js';
import { ExitError, exitCodes } from './exit.js';

/**
 * Asks the API whether it accepts the key.
 *
 * @returns why the API could not say so now, for a problem that may pass
 * @throws ExitError if no pipeline can work: the key is refused, or nothing responds, or something else does
 */
export async function verifyApiKey(config: BctrlConfig): Promise<string | undefined> {
  const client = new BctrlClient(config);
  try {
    await client.whoami();
    return undefined;
  } catch (error) {
    if (!(error instanceof BctrlError)) throw error;
    const detail = `${config.baseUrl}: ${error.message}`;
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
  } finally {
    await client.close();
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
