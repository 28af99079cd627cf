import { isError } from '../shared/external-input.js';
import { isReasonClass, type ReasonClass } from '../shared/reason-class.js';

/** What is known of a failed call, beside its message. */
export interface BctrlErrorOptions {
  /** Its category in the API's words. */
  readonly reasonClass: ReasonClass;
  /** A code of the API (`storage.unavailable`), of the connection (`ECONNREFUSED`), or of the client (`response.invalid`). */
  readonly code?: string | undefined;
  /** HTTP status; absent if there was no response. */
  readonly status?: number | undefined;
  /** Id of the request, for the API's support. */
  readonly requestId?: string | undefined;
  /** What to do about it, in the API's words. */
  readonly hint?: string | undefined;
  /** The `details` of the API's error response. */
  readonly details?: Record<string, unknown> | undefined;
  /** Retry-After of the response, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /**
   * The server may have done what the request asked for: there was no response, an unreadable one, or a 5xx. `false` after a
   * definite refusal, and for a request that was never sent.
   */
  readonly mayHaveSucceeded: boolean;
  /** The error that caused this one, such as one of the connection. */
  readonly cause?: Error | undefined;
  /** The conflicting path of durable storage, as the API writes it. Kept out of messages and logs. */
  readonly takenPath?: string | undefined;
}

/**
 * A failed call of the API. The message is one sentence with method, path, status and code. It contains no query, credential,
 * body or `downloadUrl`.
 */
export class BctrlError extends Error {
  /** Tells the error apart where `instanceof` cannot. */
  override readonly name = 'BctrlError';
  /** Its category in the API's words. */
  readonly reasonClass: ReasonClass;
  /** A code of the API (`storage.unavailable`), of the connection (`ECONNREFUSED`), or of the client (`response.invalid`). */
  readonly code: string | undefined;
  /** HTTP status; `undefined` if there was no response. */
  readonly status: number | undefined;
  /** Id of the request, for the API's support. */
  readonly requestId: string | undefined;
  /** What to do about it, in the API's words. */
  readonly hint: string | undefined;
  /** The `details` of the API's error response. */
  readonly details: Record<string, unknown> | undefined;
  /** Retry-After of the response, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** Whether the server may have done what the request asked for. `false` after a definite refusal. */
  readonly mayHaveSucceeded: boolean;
  readonly #takenPath: string | undefined;

  /** Also true for an error of another copy of this package: its ES modules and its CommonJS may be in one process. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: a subclass inherits this method, and has no copies
    if (this !== BctrlError) return Error[Symbol.hasInstance].call(this, value);
    return (
      isError(value) &&
      value.name === 'BctrlError' &&
      'reasonClass' in value &&
      isReasonClass(value.reasonClass)
    );
  }

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

  /** The conflicting path of durable storage, as the API writes it. A getter, so that no log or JSON of the error shows it. */
  get takenPath(): string | undefined {
    return this.#takenPath;
  }
}
