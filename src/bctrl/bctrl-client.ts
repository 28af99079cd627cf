import type { EventEmitter } from 'node:events';
import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import {
  type CollectRequest,
  type ExportRequest,
  type File,
  type FilePage,
  filePageSchema,
  fileSchema,
  type Invocation,
  invocationSchema,
  type Runtime,
  type RuntimeStop,
  runtimeSchema,
  runtimeStopSchema,
  type Whoami,
  whoamiSchema,
} from '../shared/api-schema.js';
import { durationToMs } from '../shared/duration.js';
import { shortSha256 } from '../shared/short-sha256.js';
import { truncateLine } from '../shared/truncate-line.js';
import { AbortableRequests } from './abortable-requests.js';
import type { BctrlClientHooks, BctrlOperation } from './client-hooks.js';
import { createDispatcher } from './create-dispatcher.js';
import { DEFAULT_BASE_URL, DEFAULT_MAX_REQUESTS, DEFAULT_REQUEST_TIMEOUT } from './defaults.js';
import { MAXIMUM_RESPONSE_BYTES, readBody } from './read-body.js';
import { RequestLimiter } from './request-limiter.js';
import {
  type HttpResponse,
  parseJson,
  type RequestContext,
  serverTimeMs,
  toInvalidResponseError,
  toResponseError,
} from './response-error.js';
import { toLocalError, toTransportError } from './transport-error.js';

/** A connection that is not made by then won't be: undici's own default, spelled out because retries build on it. */
const CONNECT_TIMEOUT_MS = 10_000;

/** What a long poll may take beyond the time that the server was asked to hold it. */
const LONG_POLL_GRACE_MS = 15_000;

/** After a longer `Retry-After` they ask again: it may be one runtime's, and others should not wait for hours. */
const DEFAULT_MAX_RATE_LIMIT_PAUSE_MS = 60_000;

export interface BctrlClientOptions {
  /** Sent as bearer token. It appears in no error. */
  readonly apiKey: string;
  /** With or without a trailing `/v1`. Default: `https://api.bctrl.ai`. */
  readonly baseUrl?: string | undefined;
  /** HTTP proxy for all requests, with user and password if it asks for them. Default: none; no variable is read. */
  readonly proxyUrl?: string | undefined;
  /** Sent as `BCTRL-Subaccount-Id`. */
  readonly subaccountId?: string | undefined;
  /** Bound on one request, in milliseconds. Default: 5 minutes. */
  readonly requestTimeoutMs?: number | undefined;
  /** Requests in flight at once; long polls don't count. Default: 32. */
  readonly maxRequests?: number | undefined;
  /**
   * For how long at most the `Retry-After` of a rate limit holds all requests back, in milliseconds; 0: only its own
   * caller learns of it. Default: a minute.
   */
  readonly maxRateLimitPauseMs?: number | undefined;
  /** For metrics. */
  readonly hooks?: BctrlClientHooks | undefined;
  readonly now?: (() => number) | undefined;
}

export interface RequestOptions {
  /** Aborts the request at once; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Aborts the request as long as it waits for its turn; one that is on the way goes on. */
  readonly queueSignal?: AbortSignal | undefined;
  /** Called when it is the request's turn, before anything is sent: the last moment to abort `signal`. */
  readonly onTurn?: (() => void) | undefined;
}

/** Filters of `GET /v1/files`. `createdAfter` is an RFC 3339 date-time. */
export interface ListFilesParams {
  readonly runtimeId?: string | undefined;
  readonly runId?: string | undefined;
  readonly source?: 'upload' | 'runtime' | undefined;
  readonly path?: string | undefined;
  readonly createdAfter?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

interface Call<T> extends RequestOptions {
  readonly operation: BctrlOperation;
  readonly method: 'GET' | 'POST';
  /** Path segments below `/v1`; each is encoded. */
  readonly path: readonly string[];
  readonly query?: object;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly responseSchema: z.ZodType<T>;
  /** What the response should be, for the message when it is not. */
  readonly responseName: string;
  readonly longPollMs?: number;
}

/**
 * The bctrl HTTP API as the activities use it. It makes exactly one request per call: it never retries and follows
 * no redirect (the bearer token would go with it).
 *
 * @throws BctrlError from every call whose response does not say what was asked for
 */
export class BctrlClient {
  readonly #origin: string;
  /** Of all paths: ends in `/v1/`. */
  readonly #prefix: string;
  readonly #apiKey: string;
  readonly #headers: Record<string, string>;
  /** The same for a request with a body. */
  readonly #jsonHeaders: Record<string, string>;
  readonly #requestTimeoutMs: number;
  readonly #now: () => number;
  readonly #agent: Dispatcher;
  /** Long polls stay outside: they are idle connections, and would keep collects waiting for hours. */
  readonly #limiter: RequestLimiter;
  readonly #abortable = new AbortableRequests();
  readonly #maxRateLimitPauseMs: number;
  #clock: { readonly date: unknown; readonly apiMs: number; readonly localMs: number } | undefined;
  #account: string | undefined;
  readonly #hooks: BctrlClientHooks | undefined;

  /** @throws TypeError for an option with which no request could be made; it does not quote the value */
  constructor(options: BctrlClientOptions) {
    const { origin, pathname } = parseBaseUrl(options.baseUrl ?? DEFAULT_BASE_URL);
    this.#origin = origin;
    this.#prefix = `${pathname.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1/`;
    this.#apiKey = assertHeaderValue('apiKey', options.apiKey);
    this.#headers = {
      authorization: `Bearer ${options.apiKey}`,
      accept: 'application/json',
      'accept-encoding': 'identity',
    };
    if (options.subaccountId !== undefined) {
      this.#headers['bctrl-subaccount-id'] = assertHeaderValue('subaccountId', options.subaccountId);
    }
    this.#jsonHeaders = { ...this.#headers, 'content-type': 'application/json' };
    this.#requestTimeoutMs = assertPositive(
      'requestTimeoutMs',
      options.requestTimeoutMs ?? durationToMs(DEFAULT_REQUEST_TIMEOUT),
    );
    this.#now = options.now ?? Date.now;
    this.#hooks = options.hooks;
    const maxRequests = assertPositive('maxRequests', options.maxRequests ?? DEFAULT_MAX_REQUESTS);
    this.#limiter = new RequestLimiter(maxRequests, (durationMs) =>
      this.#notify((hooks) => hooks.onRateLimitPause(durationMs)),
    );
    this.#maxRateLimitPauseMs = options.maxRateLimitPauseMs ?? DEFAULT_MAX_RATE_LIMIT_PAUSE_MS;
    this.#agent = createDispatcher(options.proxyUrl, {
      connect: { timeout: CONNECT_TIMEOUT_MS },
      // The time limit is the client's own, from the first byte sent to the last one read.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxResponseSize: MAXIMUM_RESPONSE_BYTES,
    });
  }

  /** Requests in flight at once. */
  get maxRequests(): number {
    return this.#limiter.maxConcurrent;
  }

  /** The API's clock now, as its last success told: milliseconds since the epoch. Unknown before the first. */
  get apiTimeMs(): number | undefined {
    return this.#clock && this.#clock.apiMs + performance.now() - this.#clock.localMs;
  }

  /** Copies one file of a runtime's workspace into durable storage. Not idempotent: look before you repeat it. */
  collectFile(runtimeId: string, body: CollectRequest, options: RequestOptions = {}): Promise<File> {
    const path = ['runtimes', runtimeId, 'files', 'collect'];
    return this.#call({
      ...options,
      operation: 'collect',
      method: 'POST',
      path,
      body,
      responseSchema: fileSchema,
      responseName: 'a File',
    });
  }

  /** One page of durable files. */
  listFiles(query: ListFilesParams, options: RequestOptions = {}): Promise<FilePage> {
    return this.#call({
      ...options,
      operation: 'list-files',
      method: 'GET',
      path: ['files'],
      query,
      responseSchema: filePageSchema,
      responseName: 'a page of Files',
    });
  }

  getInvocation(invocationId: string, options: RequestOptions = {}): Promise<Invocation> {
    const path = ['invocations', invocationId];
    return this.#call({
      ...options,
      operation: 'get-invocation',
      method: 'GET',
      path,
      responseSchema: invocationSchema,
      responseName: 'an invocation',
    });
  }

  /** Long poll: responds when the invocation has ended, or as it is after `timeoutSeconds`. */
  waitForInvocation(
    runtimeId: string,
    invocationId: string,
    timeoutSeconds: number,
    options: RequestOptions = {},
  ): Promise<Invocation> {
    return this.#call({
      ...options,
      operation: 'wait',
      method: 'POST',
      path: ['runtimes', runtimeId, 'invocations', invocationId, 'wait'],
      body: { timeoutSeconds },
      responseSchema: invocationSchema,
      responseName: 'an invocation',
      longPollMs: timeoutSeconds * 1_000,
    });
  }

  getRuntime(runtimeId: string, options: RequestOptions = {}): Promise<Runtime> {
    const path = ['runtimes', runtimeId];
    return this.#call({
      ...options,
      operation: 'get-runtime',
      method: 'GET',
      path,
      responseSchema: runtimeSchema,
      responseName: 'a runtime',
    });
  }

  /** Rejects with code `runtime.not_active` when the runtime is stopped already. */
  stopRuntime(runtimeId: string, options: RequestOptions = {}): Promise<RuntimeStop> {
    const path = ['runtimes', runtimeId, 'stop'];
    return this.#call({
      ...options,
      operation: 'stop-runtime',
      method: 'POST',
      path,
      responseSchema: runtimeStopSchema,
      responseName: 'a stopped runtime',
    });
  }

  /**
   * Makes a zip of the run's files. The same `idempotencyKey`, at most 255 visible ASCII characters, with the same
   * request answers the zip that it made before.
   */
  exportRunFiles(
    runId: string,
    body: ExportRequest,
    { idempotencyKey, ...options }: RequestOptions & { readonly idempotencyKey: string },
  ): Promise<File> {
    return this.#call({
      ...options,
      operation: 'export',
      method: 'POST',
      path: ['runs', runId, 'files', 'export'],
      headers: { 'idempotency-key': idempotencyKey },
      body,
      responseSchema: fileSchema,
      responseName: 'a File',
    });
  }

  /** Whose API key this is: a cheap check of the credentials. */
  async whoami(options: RequestOptions = {}): Promise<Whoami> {
    const path = ['auth', 'whoami'];
    const whoami = await this.#call({
      ...options,
      operation: 'whoami',
      method: 'GET',
      path,
      responseSchema: whoamiSchema,
      responseName: 'a key',
    });
    const { organizationId = whoami.keyId, scope } = whoami;
    this.#account = shortSha256(
      JSON.stringify([organizationId, scope, this.#headers['bctrl-subaccount-id']]),
    );
    return whoami;
  }

  /** A short name of the account whose files the key lists, once `whoami` was asked. */
  get knownAccount(): string | undefined {
    return this.#account;
  }

  /** The same, asking `whoami` if that was not asked before. */
  async account(options: RequestOptions = {}): Promise<string> {
    if (this.#account === undefined) await this.whoami(options);
    return this.#account ?? '';
  }

  /** Ends all connections, those of requests in flight too. */
  async close(): Promise<void> {
    await this.#agent.destroy();
    // Those that are held back end too.
    this.#limiter.dispose();
  }

  async #call<T>(call: Call<T>): Promise<T> {
    const path = this.#prefix + call.path.map(encodeSegment).join('/');
    const context: RequestContext = {
      request: `${call.method} ${path}`,
      apiKey: this.#apiKey,
      nowMs: this.#now(),
    };
    const body = call.body === undefined ? null : toJson(call.body, context.request);
    const response = await this.#send(call, path, body, context.request);
    if (response.status < 200 || response.status > 299) {
      const error = toResponseError(response, context);
      // A rate limit is meant for all requests: those that are not sent yet wait as long as this one has to.
      if (error.reasonClass === 'rate_limited') {
        this.#limiter.pause(Math.min(error.retryAfterMs ?? 0, this.#maxRateLimitPauseMs));
      }
      throw error;
    }
    this.#readClock(response);
    const json = response.body === '' ? null : parseJson(response.body);
    if (json === undefined) throw toInvalidResponseError(response, 'something that is not JSON', context);
    const parsed = call.responseSchema.safeParse(json);
    if (parsed.success) return parsed.data;
    const fields = parsed.error.issues.map((issue) => issue.path.join('.') || 'body').join(', ');
    throw toInvalidResponseError(response, `something that is not ${call.responseName} (${fields})`, context);
  }

  async #send(call: Call<unknown>, path: string, body: string | null, name: string): Promise<HttpResponse> {
    try {
      if (call.longPollMs !== undefined) return await this.#sendWithTimeout(call, path, body);
      const signals = [call.signal, call.queueSignal].filter((signal) => signal !== undefined);
      return await this.#limiter.run(signals, () => {
        call.onTurn?.();
        return this.#sendWithTimeout(call, path, body);
      });
    } catch (error) {
      call.signal?.throwIfAborted();
      if (error === call.queueSignal?.reason) throw error;
      throw toTransportError(error, name);
    }
  }

  async #sendWithTimeout(call: Call<unknown>, path: string, body: string | null): Promise<HttpResponse> {
    const { longPollMs, operation } = call;
    const limitMs = longPollMs === undefined ? this.#requestTimeoutMs : longPollMs + LONG_POLL_GRACE_MS;
    return await this.#abortable.run(limitMs, call.signal, async (signal) => {
      let status: number | undefined;
      this.#notify((hooks) => hooks.onRequest(operation));
      try {
        const response = await this.#request(call, path, body, signal);
        status = response.status;
        return response;
      } finally {
        this.#notify((hooks) => hooks.onResponse(operation, status));
      }
    });
  }

  async #request(
    { method, headers, query }: Call<unknown>,
    path: string,
    body: string | null,
    signal: EventEmitter,
  ): Promise<HttpResponse> {
    const response = await this.#agent.request({
      origin: this.#origin,
      path: path + toSearch(query),
      method,
      headers: { ...(body === null ? this.#headers : this.#jsonHeaders), ...headers },
      body,
      signal,
    });
    return { status: response.statusCode, headers: response.headers, body: await readBody(response) };
  }

  /** Hundreds of responses have the same date, which is read once. */
  #readClock(response: HttpResponse): void {
    const { date } = response.headers;
    if (date === this.#clock?.date) return;
    const apiMs = serverTimeMs(response);
    if (apiMs !== undefined) this.#clock = { date, apiMs, localMs: performance.now() };
  }

  /** An observer that throws must not decide what becomes of a request. */
  #notify(tell: (hooks: BctrlClientHooks) => void): void {
    if (this.#hooks === undefined) return;
    try {
      tell(this.#hooks);
    } catch {
      // It has nobody to tell but itself.
    }
  }
}

function parseBaseUrl(baseUrl: string): URL {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (url && /^https?:$/.test(url.protocol)) return url;
  throw new TypeError('baseUrl must be an http or https URL');
}

function assertHeaderValue(name: string, value: unknown): string {
  if (typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)) return value;
  throw new TypeError(`${name} must be visible ASCII characters, and not empty`);
}

function assertPositive(name: string, value: number): number {
  if (value > 0) return value;
  throw new TypeError(`${name} must be a number above 0`);
}

function toJson(body: object, request: string): string {
  try {
    return JSON.stringify(body);
  } catch (error) {
    const reason = error instanceof Error ? error.name : String(error);
    throw toLocalError(`${request} cannot be sent: its body is no JSON (${reason})`);
  }
}

function toSearch(query: object = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, String(value));
  }
  return search.size === 0 ? '' : `?${search}`;
}

/** A dot segment would climb out of its place in the path, however it is encoded. */
function encodeSegment(segment: string): string {
  if (/^\.{0,2}$/.test(segment) || !segment.isWellFormed()) {
    throw toLocalError(`"${truncateLine(segment)}" is not an id`);
  }
  return encodeURIComponent(segment);
}
