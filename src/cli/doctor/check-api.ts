import { readApiClock, verifyApiKey } from '../../api-checks.js';
import type { BctrlConfig } from '../../config.js';
import { ExitError, exitCodes } from '../../exit.js';
import { formatDuration } from '../show/format-duration.js';
import type { CheckSuccess } from './doctor-report.js';

/** Someone at a terminal should not wait longer to read that nothing comes. */
const TIMEOUT_MS = 10_000;

/** Less is the time on the way, and that the header has no fractions. */
const MOST_SKEW_MS = 30_000;

/** Which way requests to the API take; user and password of a proxy stay out of it. */
export function checkProxy({ baseUrl, proxyUrl }: BctrlConfig): CheckSuccess<undefined> {
  if (proxyUrl === undefined) return { message: 'none', value: undefined };
  const { protocol, host } = new URL(proxyUrl);
  return { message: `${protocol}//${host} for ${baseUrl}`, value: undefined };
}

/** @throws Exit where the API is not there, is another one, or refuses the key */
export async function checkKey(bctrl: BctrlConfig): Promise<CheckSuccess<undefined>> {
  const problem = await verifyApiKey({ ...bctrl, requestTimeoutMs: TIMEOUT_MS });
  if (problem === undefined) {
    return { message: `${bctrl.baseUrl} accepts the key`, value: undefined };
  }
  return {
    message: `it could not check the key (${problem}); try again later`,
    isWarning: true,
    value: undefined,
  };
}

/**
 * Compares this machine's clock with that of the API, which dates files, and what it asks to wait for.
 *
 * @throws Exit `usage` if they are too far apart
 */
export async function checkClock(bctrl: BctrlConfig): Promise<CheckSuccess<undefined>> {
  const sentMs = Date.now();
  const apiMs = await readApiClock(bctrl, TIMEOUT_MS);
  if (apiMs === undefined) {
    return { message: 'not known: the API does not say what time it is', isWarning: true, value: undefined };
  }
  // Somewhen between question and answer the API looked at its clock.
  const skewMs = Math.max(sentMs - apiMs, apiMs - Date.now(), 0);
  const skew = formatDuration(skewMs);
  if (skewMs <= MOST_SKEW_MS) return { message: `${skew} apart from the API's`, value: undefined };
  throw new ExitError(exitCodes.usage, `${skew} apart from the API's: let NTP set the clock of this machine`);
}
