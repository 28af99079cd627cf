import { setMaxListeners } from 'node:events';
import type { BctrlError } from '../bctrl/bctrl-error.js';

/** Consecutive API failures after which the API counts as down. Fewer may be a coincidence of a few bad files. */
const CIRCUIT_BREAKER_THRESHOLD = 5;

/** Ends a pass early when the API is down or asks to slow down, instead of trying every file in vain. */
export class CircuitBreaker {
  readonly #opened = new AbortController();
  #consecutiveApiFailures = 0;
  #trippedBy: BctrlError | undefined;

  constructor() {
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

  /** Call it for every normal response, and for a refusal of one file too: the API works. */
  recordResponse(): void {
    this.#consecutiveApiFailures = 0;
  }

  /** @param inFlight requests in flight at once: all of them may fail before a success returns */
  recordApiFailure(error: BctrlError, inFlight: number): void {
    this.#consecutiveApiFailures += 1;
    const isDown = this.#consecutiveApiFailures >= Math.max(CIRCUIT_BREAKER_THRESHOLD, inFlight);
    if (!isDown && !tripsAtOnce(error)) return;
    this.#trippedBy ??= error;
    this.#opened.abort();
  }
}

/** Whether a failure is the API's, rather than that of one file. */
export function isApiFailure({ reasonClass }: BctrlError): boolean {
  return reasonClass === 'upstream' || reasonClass === 'server' || reasonClass === 'rate_limited';
}

/** A single failure of this kind opens the breaker: nothing listens, or the API asks for fewer requests. */
function tripsAtOnce({ reasonClass, status, mayHaveSucceeded }: BctrlError): boolean {
  return reasonClass === 'rate_limited' || (status === undefined && !mayHaveSucceeded);
}
