import type { ReasonClass } from '../shared/reason-class.js';

export interface BctrlErrorOptions {
  readonly reasonClass: ReasonClass;
  /** A code of the API (`storage.unavailable`), of the connection (`ECONNREFUSED`), or of the client (`response.invalid`). */
  readonly code?: string | undefined;
  /** HTTP status; absent if there was no response. */
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
  readonly hint?: string | undefined;
  readonly details?: Record<string, unknown> | undefined;
  readonly retryAfterMs?: number | undefined;
  /**
   * The server may have done what the request asked for: there was no response, an unreadable one, or a 5xx. `false` after a
   * definite refusal, and for a request that was never sent.
   */
  readonly mayHaveSucceeded: boolean;
  readonly cause?: Error | undefined;
  /** The conflicting path of durable storage, as the API writes it. Kept out of messages and logs. */
  readonly takenPath?: string | undefined;
}

/**
 * A failed call of the API. The message is one sentence with method, path, status and code. It contains no query, credential,
 * body or `downloadUrl`.
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

  /** A getter of a private field, so that no log or JSON of the error shows the path. */
  get takenPath(): string | undefined {
    return this.#takenPath;
  }
}
