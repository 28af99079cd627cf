import { MAX_TIMER_MS } from '../shared/duration.js';

interface Waiting {
  readonly pass: () => void;
}

/**
 * Lets requests through: so many at a time, in the order in which they came, and none while it is closed. A request that
 * finds it open and not full goes straight on, which a general queue makes a fifth of its cost.
 */
export class RequestLimiter {
  readonly maxConcurrent: number;
  #inFlight = 0;
  #pausedSinceMs = 0;
  #pausedUntilMs = 0;
  #resumeTimer: NodeJS.Timeout | undefined;
  #isDisposed = false;
  readonly #onResumed: (pausedMs: number) => void;
  readonly #queue = new Set<Waiting>();

  /** @param onResumed learns for how long the gate was closed, each time that it opens */
  constructor(maxConcurrent: number, onResumed: (pausedMs: number) => void) {
    this.maxConcurrent = maxConcurrent;
    this.#onResumed = onResumed;
  }

  /** Rejects with the reason of the signal that aborts before it is the request's turn. */
  async run<T>(signals: readonly AbortSignal[], request: () => Promise<T>): Promise<T> {
    for (const signal of signals) signal.throwIfAborted();
    if (this.#inFlight < this.maxConcurrent && this.#resumeTimer === undefined) this.#inFlight += 1;
    else await this.#waitForTurn(signals);
    try {
      return await request();
    } finally {
      this.#inFlight -= 1;
      this.#drain();
    }
  }

  /** Closes it for so long at least, from now on. */
  pause(durationMs: number): void {
    const nowMs = performance.now();
    const untilMs = nowMs + durationMs;
    if (this.#isDisposed || durationMs <= 0 || untilMs <= this.#pausedUntilMs) return;
    if (this.#resumeTimer === undefined) this.#pausedSinceMs = nowMs;
    this.#pausedUntilMs = untilMs;
    clearTimeout(this.#resumeTimer);
    this.#resumeTimer = setTimeout(() => this.#resume(), Math.min(durationMs, MAX_TIMER_MS));
  }

  /** Opens it for good. */
  dispose(): void {
    this.#isDisposed = true;
    this.#resume();
  }

  #resume(): void {
    if (this.#resumeTimer !== undefined) this.#onResumed(performance.now() - this.#pausedSinceMs);
    clearTimeout(this.#resumeTimer);
    this.#resumeTimer = undefined;
    this.#pausedUntilMs = 0;
    this.#drain();
  }

  #waitForTurn(signals: readonly AbortSignal[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (event: Event) => {
        stopListening();
        this.#queue.delete(waiting);
        reject((event.target as AbortSignal).reason);
      };
      const stopListening = () => {
        for (const signal of signals) signal.removeEventListener('abort', leave);
      };
      const waiting = {
        pass: () => {
          stopListening();
          resolve();
        },
      };
      this.#queue.add(waiting);
      for (const signal of signals) signal.addEventListener('abort', leave, { once: true });
    });
  }

  #drain(): void {
    for (const waiting of this.#queue) {
      if (this.#inFlight >= this.maxConcurrent || this.#resumeTimer !== undefined) return;
      this.#queue.delete(waiting);
      this.#inFlight += 1;
      waiting.pass();
    }
  }
}
