import type { ReasonClass } from '../shared/reason-class.js';

export interface BctrlErrorOptions {
  readonly reasonClass: ReasonClass;
  /** The API's code (`storage.unavailable`), the transport's (`ECONNREFUSED`), or one of the client's own (`response.invalid`). */
  readonly code?: string | undefined;
  /** HTTP status; absent when there was no answer. */
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
  readonly hint?: string | undefined;
  readonly details?: Record<string, unknown> | undefined;
  readonly retryAfterMs?: number | undefined;
  /**
   * The server may have done what it was asked for all the same: there was no answer, no readable one, or a 5xx.
   * `false` is a definite refusal, or a request that was never sent.
   */
  readonly mayHaveSucceeded: boolean;
  readonly cause?: Error | undefined;
  /** Of a taken path: the path as the API writes it. It is no part of the error that anybody sees. */
  readonly takenPath?: string | undefined;
}

/**
 * Why a call of the API did not yield what it should. The message is one sentence with method, path, status and
 * code; it holds no query, credential, body or `downloadUrl`.
 */
export class BctrlError extends Error {
  override readonly name = 'BctrlError';
  readonly reasonClass: ReasonClass;
  readonly code: string | undefined;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly hint: string | undefined;
  readonly details: Record<string, unknown> | undefined;
  readonly retryAfterMs: number | undefined;
  readonly mayHaveSucceeded: boolean;
  readonly #takenPath: string | undefined;

  constructor(message: string, options: BctrlErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reasonClass = options.reasonClass;
    this.code = options.code;
    this.status = options.status;
    this.requestId = options.requestId;
    this.hint = options.hint;
    this.details = options.details;
    this.retryAfterMs = options.retryAfterMs;
    this.mayHaveSucceeded = options.mayHaveSucceeded;
    this.#takenPath = options.takenPath;
  }

  /** The path of durable storage that is taken, whole and as the API writes it, to look up by whom. */
  get takenPath(): string | undefined {
    return this.#takenPath;
  }
}
