import { setMaxListeners } from 'node:events';
import type { BctrlError } from '../bctrl/bctrl-error.js';
import type { ReasonClass } from '../shared/reason-class.js';

/** Consecutive API failures after which the API counts as down. Fewer may be a coincidence of a few bad files. */
const CIRCUIT_BREAKER_THRESHOLD = 5;

/** Refusals in a row, for the same cause, after which the key or the runtime counts as refused. One or two may be a coincidence. */
export const MAX_REFUSALS = 3;

/** After a file was accepted, `capability_denied` may be about some files in a row, such as those of one folder. */
const MAX_DENIALS_AFTER_SUCCESS = 10;

const NO_REFUSALS = { cause: '', count: 0, sinceMs: 0 };

/**
 * Ends a pass early, instead of trying every file in vain: when the API is down or asks to slow down, and when it refuses the
 * key or the runtime.
 */
export class CircuitBreaker {
  readonly #opened = new AbortController();
  #consecutiveApiFailures = 0;
  #trippedBy: BctrlError | undefined;
  #isFinal = false;
  #refusals = NO_REFUSALS;
  #hasAccepted: () => boolean;

  /** @param hasAccepted whether the API has taken a file of the same pipeline before */
  constructor(hasAccepted = () => false) {
    this.#hasAccepted = hasAccepted;
    // Every request that waits for its turn listens to it, so many listeners are no leak.
    setMaxListeners(0, this.#opened.signal);
  }

  /** Aborts when the breaker opens. */
  get signal(): AbortSignal {
    return this.#opened.signal;
  }

  /** The failure that opened it; `undefined` while it is closed. */
  get trippedBy(): BctrlError | undefined {
    return this.#trippedBy;
  }

  /** Whether it was a refusal that opened it, so that waiting would not help. */
  get isFinal(): boolean {
    return this.#isFinal;
  }

  /**
   * Call it for every normal response, and for a refusal of one file too: the API works.
   *
   * @param sentMs when the request was sent, by `performance.now()`
   */
  recordResponse(sentMs = performance.now()): void {
    this.#consecutiveApiFailures = 0;
    this.#hasAccepted = () => true;
    // The response to a request that was sent before says nothing about now.
    if (sentMs >= this.#refusals.sinceMs) this.#refusals = NO_REFUSALS;
  }

  /** Call it for a final failure that `isRefusalOfAll`. */
  recordRefusal(error: BctrlError): void {
    this.#consecutiveApiFailures = 0;
    const cause = `${error.reasonClass} ${error.code}`;
    const { count, sinceMs } = this.#refusals;
    this.#refusals =
      cause === this.#refusals.cause
        ? { cause, count: count + 1, sinceMs }
        : { cause, count: 1, sinceMs: performance.now() };
    const isDenial = error.reasonClass === 'capability_denied';
    const limit = isDenial && this.#hasAccepted() ? MAX_DENIALS_AFTER_SUCCESS : MAX_REFUSALS;
    if (this.#refusals.count < limit || this.#trippedBy !== undefined) return;
    this.#isFinal = true;
    this.#open(error);
  }

  /** @param inFlight requests in flight at once: all of them may fail before a success returns */
  recordApiFailure(error: BctrlError, inFlight: number): void {
    this.#consecutiveApiFailures += 1;
    const isDown = this.#consecutiveApiFailures >= Math.max(CIRCUIT_BREAKER_THRESHOLD, inFlight);
    if (isDown || tripsAtOnce(error)) this.#open(error);
  }

  #open(error: BctrlError): void {
    this.#trippedBy ??= error;
    this.#opened.abort();
  }
}

/** Whether a failure is the API's, rather than that of one file. */
export function isApiFailure({ reasonClass }: BctrlError): boolean {
  return reasonClass === 'upstream' || reasonClass === 'server' || reasonClass === 'rate_limited';
}

/** Codes of a failure that is about one file begin with the name of such a resource. */
const FILE_CODE = /^(runtime_|storage_)?file\./;

/** Codes of a runtime, or of its run, that is not there or not active. Not those of a file in it: `runtime_file.…`. */
const RUNTIME_CODE = /^run(time)?\./;

const isRefusalByClass: { readonly [K in ReasonClass]?: (code: string) => boolean } = {
  unauthorized: () => true,
  capability_denied: (code) => !FILE_CODE.test(code),
  not_found: (code) => RUNTIME_CODE.test(code),
  conflict: (code) => RUNTIME_CODE.test(code),
};

/** Whether a failure is about the key or the runtime, so that every file would have it. A missing file is not. */
export function isRefusalOfAll({ reasonClass, code = '' }: BctrlError): boolean {
  return isRefusalByClass[reasonClass]?.(code) ?? false;
}

/** A single failure of this kind opens the breaker: nothing listens, or the API asks for fewer requests. */
function tripsAtOnce({ reasonClass, status, mayHaveSucceeded }: BctrlError): boolean {
  return reasonClass === 'rate_limited' || (status === undefined && !mayHaveSucceeded);
}
