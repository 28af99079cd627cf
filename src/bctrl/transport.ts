import { EventEmitter } from 'node:events';
import { Agent, type buildConnector, type Dispatcher, Pool, ProxyAgent } from 'undici';
import { MAX_TIMER_MS } from '../shared/duration.js';
import { isError } from '../shared/external-input.js';
import { BctrlError } from './bctrl-error.js';
import { toInvalidRequestError } from './encode-request.js';
import { MAX_RESPONSE_BYTES, readBody } from './read-body.js';
import { redactText } from './redact.js';

/** A connection that takes longer will not be made. This is undici's default, fixed here because the retries rely on it. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Codes of failures before the connection was established, so that the request cannot have been sent. */
const neverSent =
  /^(ECONNREFUSED|ENOTFOUND|EAI_|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/;

/** Codes of requests that undici or Node refuses to send. They fail in the same way every time. */
const invalidRequest = /^(UND_ERR_INVALID_ARG|UND_ERR_NOT_SUPPORTED|ERR_INVALID_|ERR_UNESCAPED_CHARACTERS)/;

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  /** With the query. */
  readonly path: string;
  /** Method and path without the query, for messages. */
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly timeoutMs: number;
}

/** Header names are in lower case; the body is text. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** undici accepts an EventEmitter in place of an AbortSignal. */
class RequestAbort extends EventEmitter {
  reason: unknown;

  abort(reason: unknown): void {
    this.reason = reason;
    this.emit('abort');
  }
}

/** Sends requests to one origin over pooled connections, through a proxy if there is one. It follows no redirect. */
export class Transport {
  readonly #origin: string;
  readonly #dispatcher: Dispatcher;
  /**
   * One listener per signal, however many requests it may abort: AbortSignal.any costs a fifth of a whole request, and a
   * listener per request keeps the memory of them all until the next full garbage collection.
   */
  readonly #abortsBySignal = new WeakMap<AbortSignal, Set<RequestAbort>>();

  constructor(origin: string, proxyUrl: string | undefined) {
    this.#origin = origin;
    this.#dispatcher = createDispatcher(proxyUrl, {
      connect: { timeout: CONNECT_TIMEOUT_MS },
      // Disabled: the request's own timeout covers everything from the first byte sent to the last byte read.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxResponseSize: MAX_RESPONSE_BYTES,
    });
  }

  /**
   * @param signal not aborted yet
   * @throws BctrlError if no complete response arrives in time
   * @throws the signal's reason if the signal aborts
   */
  async send(request: HttpRequest, signal: AbortSignal | undefined): Promise<HttpResponse> {
    const { method, path, headers, body, timeoutMs } = request;
    const abort = new RequestAbort();
    const timeOut = () => abort.abort(new DOMException('the request timed out', 'TimeoutError'));
    const timer = setTimeout(timeOut, Math.min(timeoutMs, MAX_TIMER_MS));
    const aborts = signal && this.#getAborts(signal);
    aborts?.add(abort);
    try {
      const response = await this.#dispatcher.request({
        origin: this.#origin,
        path,
        method,
        headers,
        body,
        signal: abort,
      });
      return { status: response.statusCode, headers: response.headers, body: await readBody(response) };
    } catch (error) {
      signal?.throwIfAborted();
      throw toTransportError(error, request.name);
    } finally {
      clearTimeout(timer);
      aborts?.delete(abort);
    }
  }

  /** Closes all connections. Requests in flight fail. */
  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  #getAborts(signal: AbortSignal): Set<RequestAbort> {
    const known = this.#abortsBySignal.get(signal);
    if (known !== undefined) return known;
    const aborts = new Set<RequestAbort>();
    this.#abortsBySignal.set(signal, aborts);
    signal.addEventListener('abort', () => {
      for (const abort of aborts) abort.abort(signal.reason);
    });
    return aborts;
  }
}

interface ConnectionOptions extends Agent.Options {
  readonly connect: buildConnector.BuildOptions;
}

/** Connects directly, or through an HTTP proxy with the user and password of its URL. */
export function createDispatcher(proxyUrl: string | undefined, options: ConnectionOptions): Dispatcher {
  if (proxyUrl === undefined) return new Agent(options);
  const { connect, ...rest } = options;
  return new ProxyAgent({
    ...rest,
    uri: proxyUrl,
    proxyTls: connect,
    requestTls: connect,
    // The proxy itself requests http URLs, as with curl: many proxies allow tunnels to port 443 only.
    proxyTunnel: false,
    // ProxyAgent does not pass these options on to the connections for http URLs.
    factory: (origin, opts) => new Pool(origin, { ...rest, ...opts }),
  });
}

/** The error for a request without a complete response: no connection, a reset, a timeout, a response that is too large. */
function toTransportError(error: unknown, name: string): BctrlError {
  const cause = isError(error) ? error : new Error(String(error));
  const code = getCode(cause);
  if (invalidRequest.test(code)) return toInvalidRequestError(`${name} cannot be sent: ${code}`);
  return new BctrlError(`${name} got no response: ${code}`, {
    reasonClass: code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' ? 'server' : 'upstream',
    code,
    // A route may also be lost under an open connection: the code is the same then, but the system call is not.
    mayHaveSucceeded: !neverSent.test(code) && firstError(cause).syscall !== 'connect',
    cause: toShownCause(cause, code),
  });
}

/**
 * A copy with nothing but name, code and message. A log would print what undici and Node attach: bytes that could not be parsed,
 * which may contain a signed URL, or a certificate, whose names the server chooses.
 */
function toShownCause(cause: Error, code: string): Error {
  const shown = Object.assign(new Error(redactText(cause.message || firstError(cause).message, [])), {
    code,
  });
  shown.name = redactText(cause.name, []);
  shown.stack = `${shown.name}: ${shown.message}`;
  return shown;
}

function getCode(error: NodeJS.ErrnoException): string {
  if (error.name === 'TimeoutError') return 'ETIMEDOUT';
  const code = firstError(error).code ?? error.code;
  return typeof code === 'string' ? code : error.name;
}

/** Happy Eyeballs fails with one error per address that it tried. */
function firstError(error: Error): NodeJS.ErrnoException {
  return ('errors' in error && Array.isArray(error.errors) ? error.errors[0] : undefined) ?? error;
}
