import { durationToMs } from '../shared/duration.js';
import type { BctrlClientHooks } from './client-hooks.js';

export const DEFAULT_BASE_URL = 'https://api.bctrl.ai';

/** The API copies the file while the caller waits, and files may be large. */
export const DEFAULT_REQUEST_TIMEOUT = '5m';

/** Connections of one worker process to the API: enough to hide its latency, few enough for its rate limits. */
export const DEFAULT_MAX_REQUESTS = 32;

/** A longer `Retry-After` may be meant for one runtime: after a minute the other requests try again. */
const DEFAULT_MAX_RATE_LIMIT_PAUSE_MS = 60_000;

/**
 * An API key, or a function that returns the key of now, for a key that is replaced while the process runs. The function is called
 * for every request, so it returns a string that it has at hand, or else a promise, which nothing but the function itself ends in
 * time. If it fails, the request is not sent, and fails as `upstream`.
 *
 * @param refused the key that the API has just refused with 401. If there is another one by now, return that: the failure is then
 *   `upstream`, which is retried, instead of `unauthorized`
 */
export type ApiKey = string | ((refused?: string) => string | Promise<string>);

/** Options of a {@link BctrlClient}. An option with which no request could be made is a TypeError. */
export interface BctrlClientOptions {
  /** Sent as bearer token: visible ASCII characters, and not empty; or a function that returns it. No error contains it. */
  readonly apiKey: ApiKey;
  /** With or without a trailing `/v1`. Default: `https://api.bctrl.ai`. */
  readonly baseUrl?: string | undefined;
  /**
   * HTTP proxy for all requests; its URL may contain user and password. Default: none. The client reads no environment
   * variables.
   */
  readonly proxyUrl?: string | undefined;
  /** Sent as `BCTRL-Subaccount-Id`: visible ASCII characters. Default: none. */
  readonly subaccountId?: string | undefined;
  /** Timeout of one request, in milliseconds, above 0. A long poll has its own. Default: 5 minutes. */
  readonly requestTimeoutMs?: number | undefined;
  /** Maximum number of requests in flight, above 0. Long polls do not count. Default: 32. */
  readonly maxRequests?: number | undefined;
  /**
   * Longest time, in milliseconds, for which the `Retry-After` of one rate-limited request pauses all requests. 0 pauses none:
   * only the caller of that request sees its `Retry-After`. Default: one minute.
   */
  readonly maxRateLimitPauseMs?: number | undefined;
  /** Called for every request, for metrics. Default: none. */
  readonly hooks?: BctrlClientHooks | undefined;
  /** The clock that the date of a `Retry-After` is compared with if the response has no `Date`. Default: `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/** Options of one call of a {@link BctrlClient}. */
export interface RequestOptions {
  /** Aborts the request at once. The call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Abort the request while it waits for its turn. A request that has been sent continues. */
  readonly queueSignals?: readonly AbortSignal[] | undefined;
  /** Called when it is the request's turn, before it is sent: the last moment to abort `signal`. */
  readonly onTurn?: (() => void) | undefined;
}

/** Options of `exportRunFiles`. */
export interface ExportRunFilesOptions extends RequestOptions {
  /** 1 to 255 visible ASCII characters. A repeated request with the same key returns the zip that the first one created. */
  readonly idempotencyKey: string;
}

/** Filters of `GET /v1/files`. A file has to pass all of them. */
export interface ListFilesParams {
  /** Only files of this runtime. */
  readonly runtimeId?: string | undefined;
  /** Only files of this run. */
  readonly runId?: string | undefined;
  /** Only files that were uploaded, or that were collected from a runtime. */
  readonly source?: 'upload' | 'runtime' | undefined;
  /** Only files at this path of durable storage. */
  readonly path?: string | undefined;
  /** Only files that were made after this RFC 3339 date-time. */
  readonly createdAfter?: string | undefined;
  /** `nextCursor` of the page before. Default: the first page. */
  readonly cursor?: string | undefined;
  /** Files per page, at most 100. Default: chosen by the API. */
  readonly limit?: number | undefined;
}

/** Whether a header can carry a value as it is: visible ASCII, not empty. */
export function isHeaderValue(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
}

export type ResolvedClientOptions = ReturnType<typeof resolveClientOptions>;

/** @throws TypeError for an option with which no request could be made; the message does not quote the value */
export function resolveClientOptions(options: BctrlClientOptions) {
  const { baseUrl = DEFAULT_BASE_URL, maxRequests = DEFAULT_MAX_REQUESTS } = options;
  const {
    apiKey,
    subaccountId,
    proxyUrl,
    requestTimeoutMs = durationToMs(DEFAULT_REQUEST_TIMEOUT),
  } = options;
  const { maxRateLimitPauseMs = DEFAULT_MAX_RATE_LIMIT_PAUSE_MS, now = Date.now } = options;
  if (typeof apiKey !== 'function' && !isHeaderValue(apiKey)) {
    throw invalid('apiKey', 'visible ASCII characters, and not empty, or a function');
  }
  if (subaccountId !== undefined && !isHeaderValue(subaccountId)) {
    throw invalid('subaccountId', 'visible ASCII characters, and not empty');
  }
  if (!isBaseUrl(baseUrl)) throw invalid('baseUrl', 'an http or https URL without user, query or fragment');
  if (proxyUrl !== undefined && !isProxyUrl(proxyUrl)) throw invalid('proxyUrl', 'an http or https URL');
  if (!isNumber(requestTimeoutMs) || requestTimeoutMs <= 0) {
    throw invalid('requestTimeoutMs', 'a number above 0');
  }
  if (!Number.isSafeInteger(maxRequests) || maxRequests <= 0) {
    throw invalid('maxRequests', 'a whole number above 0');
  }
  if (!isNumber(maxRateLimitPauseMs) || maxRateLimitPauseMs < 0) {
    throw invalid('maxRateLimitPauseMs', 'a number of at least 0');
  }
  return { ...options, baseUrl, requestTimeoutMs, maxRequests, maxRateLimitPauseMs, now };
}

function invalid(option: string, expected: string): TypeError {
  return new TypeError(`${option} must be ${expected}`);
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' && !Number.isNaN(value);
}

/** No request would carry the user, query or fragment of a base URL. */
function isBaseUrl(value: string): boolean {
  const { username, password, search, hash } = parseHttpUrl(value) ?? {};
  return username === '' && password === '' && search === '' && hash === '';
}

/** Whether a value is the http or https URL of a proxy, which may have user and password. */
export function isProxyUrl(value: string): boolean {
  const { username, password } = parseHttpUrl(value) ?? {};
  return [username, password].every(isPercentEncoded);
}

function parseHttpUrl(value: string): URL | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) ? url : undefined;
}

function isPercentEncoded(text: string | undefined): boolean {
  if (text === undefined) return false;
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
