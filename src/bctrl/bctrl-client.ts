import {
  filePageSchema,
  fileSchema,
  invocationSchema,
  runtimeSchema,
  runtimeStopSchema,
  whoamiSchema,
} from '../shared/api-schema.js';
import type {
  CollectRequest,
  ExportRequest,
  File,
  FilePage,
  Invocation,
  Runtime,
  RuntimeStop,
  Whoami,
} from '../shared/api-types.js';
import { shortSha256 } from '../shared/keys.js';
import type { BctrlClientHooks, BctrlOperation } from './client-hooks.js';
import {
  type BctrlClientOptions,
  type ExportRunFilesOptions,
  type ListFilesParams,
  type RequestOptions,
  type ResolvedClientOptions,
  resolveClientOptions,
} from './client-options.js';
import { type Credentials, CredentialsSource } from './credentials.js';
import { encodeBody, encodePath, encodeQuery } from './encode-request.js';
import { parseResponse, type ResponseKind, serverTimeMs, toResponseError } from './parse-response.js';
import { redactCode, redactSecrets, redactText } from './redact.js';
import { RequestLimiter } from './request-limiter.js';
import { type HttpRequest, type HttpResponse, Transport } from './transport.js';

/** How much longer than the server was asked to hold it a long poll may take. */
const LONG_POLL_GRACE_MS = 15_000;

const FILE: ResponseKind<File> = { schema: fileSchema, name: 'a File' };
const FILE_PAGE: ResponseKind<FilePage> = { schema: filePageSchema, name: 'a page of Files' };
const INVOCATION: ResponseKind<Invocation> = {
  schema: invocationSchema,
  name: 'an invocation',
  redact: redactJobError,
};
const RUNTIME: ResponseKind<Runtime> = { schema: runtimeSchema, name: 'a runtime' };
const STOPPED_RUNTIME: ResponseKind<RuntimeStop | null> = {
  schema: runtimeStopSchema,
  name: 'a stopped runtime',
};
const WHOAMI: ResponseKind<Whoami> = { schema: whoamiSchema, name: "an API key's owner" };

/** A failed job is a success of the API, but its texts are those of an error. */
function redactJobError(invocation: Invocation, apiKeys: readonly string[]): Invocation {
  if (invocation.error === undefined) return invocation;
  const { code, message } = invocation.error;
  const error = {
    ...(code !== undefined && { code: redactCode(code, apiKeys) }),
    ...(message !== undefined && { message: redactText(message, apiKeys) }),
  };
  return { ...invocation, error };
}

interface RequestParts extends RequestOptions {
  readonly query?: ListFilesParams;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly longPollMs?: number;
}

/**
 * The bctrl HTTP API as the activities use it. Each call makes exactly one request: the client never retries, and never
 * follows a redirect, which would carry the bearer token with it.
 *
 * @throws BctrlError from every call whose response is not the expected one
 */
export class BctrlClient {
  readonly #options: ResolvedClientOptions;
  readonly #pathPrefix: string;
  readonly #credentials: CredentialsSource;
  readonly #transport: Transport;
  /** Long polls have connections of their own: undici looks at each connection to find a free one. */
  readonly #longPollTransport: Transport;
  /** Long polls bypass it: they are idle connections, and would block collects for hours. */
  readonly #limiter: RequestLimiter;
  #clock: { readonly date: unknown; readonly apiMs: number; readonly localMs: number } | undefined;

  /** @throws TypeError for an option with which no request could be made; the message does not quote the value */
  constructor(options: BctrlClientOptions) {
    this.#options = resolveClientOptions(options);
    const { apiKey, baseUrl, proxyUrl, subaccountId, maxRequests } = this.#options;
    const { origin, pathname } = new URL(baseUrl);
    this.#pathPrefix = `${pathname.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1/`;
    this.#credentials = new CredentialsSource(apiKey, subaccountId);
    this.#transport = new Transport(origin, proxyUrl);
    this.#longPollTransport = new Transport(origin, proxyUrl);
    this.#limiter = new RequestLimiter(maxRequests, (pausedMs) =>
      this.#notify((hooks) => hooks.onRateLimitPause(pausedMs)),
    );
  }

  /** Maximum number of requests in flight. */
  get maxRequests(): number {
    return this.#limiter.maxConcurrent;
  }

  /** Number of requests in flight now, long polls not counted. */
  get requestsInFlight(): number {
    return this.#limiter.inFlight;
  }

  /** The API's current time by the `Date` of a successful response, in milliseconds since the epoch. Unknown before the first. */
  get apiTimeMs(): number | undefined {
    return this.#clock && this.#clock.apiMs + performance.now() - this.#clock.localMs;
  }

  /** Copies one file of a runtime's workspace into durable storage. Not idempotent: look for the file before you repeat it. */
  collectFile(runtimeId: string, body: CollectRequest, options: RequestOptions = {}): Promise<File> {
    const path = ['runtimes', runtimeId, 'files', 'collect'];
    return this.#request('collect', 'POST', path, FILE, { ...options, body });
  }

  /** Returns one page of durable files. */
  listFiles(query: ListFilesParams, options: RequestOptions = {}): Promise<FilePage> {
    return this.#request('list-files', 'GET', ['files'], FILE_PAGE, { ...options, query });
  }

  /** Returns a job as it is now. */
  getInvocation(invocationId: string, options: RequestOptions = {}): Promise<Invocation> {
    return this.#request('get-invocation', 'GET', ['invocations', invocationId], INVOCATION, options);
  }

  /** Long poll: resolves when the invocation has ended, or with its present state after `timeoutSeconds`. */
  waitForInvocation(
    runtimeId: string,
    invocationId: string,
    timeoutSeconds: number,
    options: RequestOptions = {},
  ): Promise<Invocation> {
    const path = ['runtimes', runtimeId, 'invocations', invocationId, 'wait'];
    const poll = { body: { timeoutSeconds }, longPollMs: timeoutSeconds * 1_000 };
    return this.#request('wait', 'POST', path, INVOCATION, { ...options, ...poll });
  }

  /** Returns a runtime as it is now. */
  getRuntime(runtimeId: string, options: RequestOptions = {}): Promise<Runtime> {
    return this.#request('get-runtime', 'GET', ['runtimes', runtimeId], RUNTIME, options);
  }

  /** Rejects with code `runtime.not_active` if the runtime is already stopped. `null`: the response had no body. */
  stopRuntime(runtimeId: string, options: RequestOptions = {}): Promise<RuntimeStop | null> {
    return this.#request('stop-runtime', 'POST', ['runtimes', runtimeId, 'stop'], STOPPED_RUNTIME, options);
  }

  /** Creates a zip of the run's files, once per idempotency key. */
  exportRunFiles(
    runId: string,
    body: ExportRequest,
    { idempotencyKey, ...options }: ExportRunFilesOptions,
  ): Promise<File> {
    const path = ['runs', runId, 'files', 'export'];
    const headers = { 'idempotency-key': idempotencyKey };
    return this.#request('export', 'POST', path, FILE, { ...options, headers, body });
  }

  /** Returns the owner of the API key: a cheap check of the credentials. */
  async whoami(options: RequestOptions = {}): Promise<Whoami> {
    return (await this.#whoami(options)).whoami;
  }

  /** Short hash of the account whose files the API key lists. Unknown before the first `whoami` with this key. */
  get knownAccount(): string | undefined {
    return this.#credentials.latest?.account;
  }

  /** Returns `knownAccount`; asks `whoami` if it is unknown. */
  async account(options: RequestOptions = {}): Promise<string> {
    const { account } = await this.#credentials.take('GET /v1/auth/whoami');
    return account ?? (await this.#whoami(options)).account;
  }

  async #whoami(options: RequestOptions): Promise<{ whoami: Whoami; account: string }> {
    const { value: whoami, credentials } = await this.#exchange(
      'whoami',
      'GET',
      ['auth', 'whoami'],
      WHOAMI,
      options,
    );
    const { organizationId = whoami.keyId, scope } = whoami;
    const account = shortSha256(JSON.stringify([organizationId, scope, this.#options.subaccountId]));
    // Not of the latest credentials: another key may be in use by now.
    credentials.account = account;
    return { whoami, account };
  }

  /** Copies a text that may quote the API without API keys, credentials and queries of URLs. */
  redact(text: string): string {
    return redactSecrets(text, this.#credentials.keys);
  }

  /** Closes all connections. Requests in flight and requests that wait for their turn fail. */
  async close(): Promise<void> {
    await Promise.all([this.#transport.close(), this.#longPollTransport.close()]);
    this.#limiter.dispose();
  }

  async #request<T>(
    operation: BctrlOperation,
    method: 'GET' | 'POST',
    segments: readonly string[],
    expected: ResponseKind<T>,
    parts: RequestParts,
  ): Promise<T> {
    return (await this.#exchange(operation, method, segments, expected, parts)).value;
  }

  async #exchange<T>(
    operation: BctrlOperation,
    method: 'GET' | 'POST',
    segments: readonly string[],
    expected: ResponseKind<T>,
    parts: RequestParts,
  ): Promise<{ value: T; credentials: Credentials }> {
    const path = encodePath(this.#pathPrefix, segments);
    const name = `${method} ${path}`;
    const { now, requestTimeoutMs, maxRateLimitPauseMs } = this.#options;
    const { longPollMs, body } = parts;
    const { response, credentials } = await this.#send(operation, parts, {
      method,
      path: path + encodeQuery(parts.query),
      name,
      body: body ? encodeBody(body, name) : null,
      timeoutMs: longPollMs === undefined ? requestTimeoutMs : longPollMs + LONG_POLL_GRACE_MS,
    });
    const context = { request: name, apiKeys: this.#credentials.keys, nowMs: now() };
    if (response.status < 200 || response.status > 299) {
      const error = toResponseError(response, context);
      // A rate limit applies to all requests, so the others wait as long as this one has to.
      if (error.reasonClass === 'rate_limited') {
        this.#limiter.pause(Math.min(error.retryAfterMs ?? 0, maxRateLimitPauseMs));
      }
      throw await this.#credentials.judge(error, credentials);
    }
    this.#readClock(response);
    return { value: parseResponse(response, expected, context), credentials };
  }

  async #send(
    operation: BctrlOperation,
    { signal, queueSignals = [], onTurn, longPollMs, headers }: RequestParts,
    request: Omit<HttpRequest, 'headers'>,
  ): Promise<{ response: HttpResponse; credentials: Credentials }> {
    const transport = longPollMs === undefined ? this.#transport : this.#longPollTransport;
    const send = async () => {
      // Not before it is the request's turn, which may come long after the key was replaced.
      const taken = this.#credentials.take(request.name);
      const credentials = 'apiKey' in taken ? taken : await taken;
      const common = request.body === null ? credentials.headers : credentials.jsonHeaders;
      onTurn?.();
      signal?.throwIfAborted();
      let status: number | undefined;
      this.#notify((hooks) => hooks.onRequest(operation));
      try {
        const response = await transport.send({ ...request, headers: { ...common, ...headers } }, signal);
        status = response.status;
        return { response, credentials };
      } finally {
        this.#notify((hooks) => hooks.onResponse(operation, status));
      }
    };
    if (longPollMs !== undefined) return await send();
    return await this.#limiter.run(signal ? [signal, ...queueSignals] : queueSignals, send);
  }

  /** Hundreds of responses have the same date, so it is parsed once. */
  #readClock(response: HttpResponse): void {
    const { date } = response.headers;
    if (date === this.#clock?.date) return;
    const apiMs = serverTimeMs(response);
    if (apiMs !== undefined) this.#clock = { date, apiMs, localMs: performance.now() };
  }

  /** A hook that throws must not change what becomes of a request. */
  #notify(call: (hooks: BctrlClientHooks) => void): void {
    const { hooks } = this.#options;
    if (hooks === undefined) return;
    try {
      call(hooks);
    } catch {
      // There is nowhere to report it: the hook itself is the reporter.
    }
  }
}
