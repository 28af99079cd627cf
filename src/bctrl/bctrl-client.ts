import type { EventEmitter } from 'node:events';
import { Agent } from 'undici';
import type { z } from 'zod';
import { durationToMs } from '../shared/duration.js';
import {
  type CollectRequest,
  type ExportRequest,
  type File,
  type FilePage,
  filePageSchema,
  fileSchema,
  type Invocation,
  type InvocationWait,
  invocationSchema,
  invocationWaitSchema,
  type Runtime,
  type RuntimeStop,
  runtimeSchema,
  runtimeStopSchema,
  type Whoami,
  whoamiSchema,
} from '../shared/wire.js';
import { AbortableRequests } from './abortable-requests.js';
import { type Answer, type AnswerContext, parseJson, toRefusal, toUnreadable } from './answer-error.js';
import { BctrlError } from './bctrl-error.js';
import type { BctrlClientObserver, BctrlOperation } from './client-observer.js';
import { DEFAULT_BASE_URL, DEFAULT_MAX_REQUESTS, DEFAULT_REQUEST_TIMEOUT } from './defaults.js';
import { RequestGate } from './request-gate.js';
import { toTransportError } from './transport-error.js';

/** A page of 100 files with generous metadata, or a job's output, fits well; a server gone mad does not. */
const MAXIMUM_ANSWER_BYTES = 16 * 1024 * 1024;

/** A connection that is not made by then won't be: undici's own default, spelled out because retries build on it. */
const CONNECT_TIMEOUT_MS = 10_000;

/** What a long poll may take beyond the time that the server was asked to hold it. */
const LONG_POLL_GRACE_MS = 15_000;

/** After a longer `Retry-After` they ask again: it may be one runtime's, and others should not wait for hours. */
const DEFAULT_LONGEST_PAUSE_MS = 60_000;

export interface BctrlClientOptions {
  /** Sent as bearer token. It appears in no error. */
  readonly apiKey: string;
  /** With or without a trailing `/v1`. Default: `https://api.bctrl.ai`. */
  readonly baseUrl?: string | undefined;
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
  readonly longestPauseMs?: number | undefined;
  /** For metrics. */
  readonly observer?: BctrlClientObserver | undefined;
  readonly now?: (() => number) | undefined;
}

export interface CallOptions {
  /** Aborts the request at once; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Aborts the request as long as it waits for its turn; one that is on the way goes on. */
  readonly waitingSignal?: AbortSignal | undefined;
}

/** Filters of `GET /v1/files`. `createdAfter` is an RFC 3339 date-time. */
export interface FileQuery {
  readonly runtimeId?: string | undefined;
  readonly runId?: string | undefined;
  readonly source?: File['source'] | undefined;
  readonly path?: string | undefined;
  readonly createdAfter?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

interface Call<T> extends CallOptions {
  readonly operation: BctrlOperation;
  readonly method: 'GET' | 'POST';
  /** Path segments below `/v1`; each is encoded. */
  readonly path: readonly string[];
  readonly query?: object;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly answer: z.ZodType<T>;
  /** What the answer should be, for the message when it is not. */
  readonly expected: string;
  readonly longPollMs?: number;
}

/**
 * The bctrl HTTP API as the activities use it. It makes exactly one request per call: it never retries and follows
 * no redirect (the bearer token would go with it).
 *
 * @throws BctrlError from every call, for every answer but the expected one
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
  readonly #agent: Agent;
  /** Long polls stay outside: they are idle connections, and would keep collects waiting for hours. */
  readonly #gate: RequestGate;
  readonly #abortable = new AbortableRequests();
  readonly #longestPauseMs: number;
  readonly #observer: BctrlClientObserver | undefined;

  constructor(options: BctrlClientOptions) {
    const { origin, pathname } = new URL(options.baseUrl ?? DEFAULT_BASE_URL);
    this.#origin = origin;
    this.#prefix = `${pathname.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1/`;
    this.#apiKey = options.apiKey;
    this.#headers = { authorization: `Bearer ${options.apiKey}`, accept: 'application/json' };
    if (options.subaccountId !== undefined) this.#headers['bctrl-subaccount-id'] = options.subaccountId;
    this.#jsonHeaders = { ...this.#headers, 'content-type': 'application/json' };
    this.#requestTimeoutMs = options.requestTimeoutMs ?? durationToMs(DEFAULT_REQUEST_TIMEOUT);
    this.#now = options.now ?? Date.now;
    this.#observer = options.observer;
    this.#gate = new RequestGate(options.maxRequests ?? DEFAULT_MAX_REQUESTS, (durationMs) =>
      this.#observer?.heldBack(durationMs),
    );
    this.#longestPauseMs = options.longestPauseMs ?? DEFAULT_LONGEST_PAUSE_MS;
    this.#agent = new Agent({
      connect: { timeout: CONNECT_TIMEOUT_MS },
      // The time limit is the client's own, from the first byte sent to the last one read.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxResponseSize: MAXIMUM_ANSWER_BYTES,
    });
  }

  /** Requests in flight at once. */
  get maxRequests(): number {
    return this.#gate.width;
  }

  /** Copies one file of a runtime's workspace into durable storage. Not idempotent: look before you repeat it. */
  collectFile(runtimeId: string, body: CollectRequest, options: CallOptions = {}): Promise<File> {
    const path = ['runtimes', runtimeId, 'files', 'collect'];
    return this.#call({
      ...options,
      operation: 'collect',
      method: 'POST',
      path,
      body,
      answer: fileSchema,
      expected: 'a File',
    });
  }

  /** One page of durable files. */
  listFiles(query: FileQuery, options: CallOptions = {}): Promise<FilePage> {
    const expected = 'a page of Files';
    return this.#call({
      ...options,
      operation: 'list-files',
      method: 'GET',
      path: ['files'],
      query,
      answer: filePageSchema,
      expected,
    });
  }

  getInvocation(invocationId: string, options: CallOptions = {}): Promise<Invocation> {
    const path = ['invocations', invocationId];
    return this.#call({
      ...options,
      operation: 'get-invocation',
      method: 'GET',
      path,
      answer: invocationSchema,
      expected: 'an invocation',
    });
  }

  /** Long poll: answers when the invocation has ended, or with `waitStatus: 'timeout'` after `timeoutSeconds`. */
  waitForInvocation(
    runtimeId: string,
    invocationId: string,
    timeoutSeconds: number,
    options: CallOptions = {},
  ): Promise<InvocationWait> {
    return this.#call({
      ...options,
      operation: 'wait',
      method: 'POST',
      path: ['runtimes', runtimeId, 'invocations', invocationId, 'wait'],
      body: { timeoutSeconds },
      answer: invocationWaitSchema,
      expected: 'an invocation',
      longPollMs: timeoutSeconds * 1_000,
    });
  }

  getRuntime(runtimeId: string, options: CallOptions = {}): Promise<Runtime> {
    const path = ['runtimes', runtimeId];
    return this.#call({
      ...options,
      operation: 'get-runtime',
      method: 'GET',
      path,
      answer: runtimeSchema,
      expected: 'a runtime',
    });
  }

  /** Rejects with code `runtime.not_active` when the runtime is stopped already. */
  stopRuntime(runtimeId: string, options: CallOptions = {}): Promise<RuntimeStop> {
    const path = ['runtimes', runtimeId, 'stop'];
    return this.#call({
      ...options,
      operation: 'stop-runtime',
      method: 'POST',
      path,
      answer: runtimeStopSchema,
      expected: 'a stopped runtime',
    });
  }

  /**
   * Makes a zip of the run's files. The same `idempotencyKey`, at most 255 visible ASCII characters, with the same
   * request answers the zip that it made before.
   */
  exportRunFiles(
    runId: string,
    body: ExportRequest,
    { idempotencyKey, ...options }: CallOptions & { readonly idempotencyKey: string },
  ): Promise<File> {
    return this.#call({
      ...options,
      operation: 'export',
      method: 'POST',
      path: ['runs', runId, 'files', 'export'],
      headers: { 'idempotency-key': idempotencyKey },
      body,
      answer: fileSchema,
      expected: 'a File',
    });
  }

  /** Whose API key this is: a cheap check of the credentials. */
  whoami(options: CallOptions = {}): Promise<Whoami> {
    const path = ['auth', 'whoami'];
    return this.#call({
      ...options,
      operation: 'whoami',
      method: 'GET',
      path,
      answer: whoamiSchema,
      expected: 'a key',
    });
  }

  /** Ends all connections, those of requests in flight too. */
  async close(): Promise<void> {
    await this.#agent.destroy();
    // Those that are held back end too.
    this.#gate.remove();
  }

  async #call<T>(call: Call<T>): Promise<T> {
    const path = this.#prefix + call.path.map(encodeSegment).join('/');
    const context: AnswerContext = {
      call: `${call.method} ${path}`,
      apiKey: this.#apiKey,
      nowMs: this.#now(),
    };
    const answer = await this.#send(call, path, context.call);
    if (answer.status < 200 || answer.status > 299) {
      const refusal = toRefusal(answer, context);
      // A rate limit is meant for all requests: those that are not sent yet wait as long as this one has to.
      if (refusal.reasonClass === 'rate_limited') {
        this.#gate.close(Math.min(refusal.retryAfterMs ?? 0, this.#longestPauseMs));
      }
      throw refusal;
    }
    const json = parseJson(answer.body);
    if (json === undefined) throw toUnreadable(answer, 'something that is not JSON', context);
    const parsed = call.answer.safeParse(json);
    if (parsed.success) return parsed.data;
    const fields = parsed.error.issues.map((issue) => issue.path.join('.') || 'body').join(', ');
    throw toUnreadable(answer, `something that is not ${call.expected} (${fields})`, context);
  }

  async #send(call: Call<unknown>, path: string, name: string): Promise<Answer> {
    try {
      if (call.longPollMs !== undefined) return await this.#exchange(call, path);
      const signals = [call.signal, call.waitingSignal].filter((signal) => signal !== undefined);
      return await this.#gate.run(signals, () => this.#exchange(call, path));
    } catch (error) {
      call.signal?.throwIfAborted();
      if (error === call.waitingSignal?.reason) throw error;
      throw toTransportError(error, name);
    }
  }

  async #exchange(call: Call<unknown>, path: string): Promise<Answer> {
    const { longPollMs } = call;
    const limitMs = longPollMs === undefined ? this.#requestTimeoutMs : longPollMs + LONG_POLL_GRACE_MS;
    return await this.#abortable.run(limitMs, call.signal, async (signal) => {
      let status: number | undefined;
      this.#observer?.requestSent(call.operation);
      try {
        const answer = await this.#request(call, path, signal);
        status = answer.status;
        return answer;
      } finally {
        this.#observer?.requestEnded(call.operation, status);
      }
    });
  }

  async #request(call: Call<unknown>, path: string, signal: EventEmitter): Promise<Answer> {
    const { method, body } = call;
    const response = await this.#agent.request({
      origin: this.#origin,
      path: path + toSearch(call.query),
      method,
      headers: { ...(body ? this.#jsonHeaders : this.#headers), ...call.headers },
      body: body ? JSON.stringify(body) : null,
      signal,
    });
    return { status: response.statusCode, headers: response.headers, body: await response.body.text() };
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
  if (/^\.{0,2}$/.test(segment)) {
    throw new BctrlError(`"${segment}" is not an id`, {
      reasonClass: 'invalid_input',
      mayHaveHappened: false,
    });
  }
  return encodeURIComponent(segment);
}
