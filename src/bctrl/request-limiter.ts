import { MAX_TIMER_MS } from '../shared/duration.js';

interface QueuedRequest {
  readonly start: () => void;
}

/**
 * Limits the number of requests in flight, first come, first served, and starts none while it is paused. A request that finds a
 * free slot starts without queueing: a general-purpose queue would add a fifth to its cost.
 */
export class RequestLimiter {
  readonly maxConcurrent: number;
  #inFlight = 0;
  #pausedSinceMs = 0;
  #pausedUntilMs = 0;
  #resumeTimer: NodeJS.Timeout | undefined;
  #isDisposed = false;
  readonly #onResumed: (pausedMs: number) => void;
  readonly #queue = new Set<QueuedRequest>();

  /** @param onResumed receives the duration of each pause when it ends */
  constructor(maxConcurrent: number, onResumed: (pausedMs: number) => void) {
    this.maxConcurrent = maxConcurrent;
    this.#onResumed = onResumed;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Rejects with a signal's reason if that signal aborts before it is the request's turn. */
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

  /** Starts no request for at least this long from now. */
  pause(durationMs: number): void {
    const nowMs = performance.now();
    const untilMs = nowMs + durationMs;
    if (this.#isDisposed || durationMs <= 0 || untilMs <= this.#pausedUntilMs) return;
    if (this.#resumeTimer === undefined) this.#pausedSinceMs = nowMs;
    this.#pausedUntilMs = untilMs;
    clearTimeout(this.#resumeTimer);
    this.#resumeTimer = setTimeout(() => this.#resume(), Math.min(durationMs, MAX_TIMER_MS));
  }

  /** Ends the pause, and refuses new ones. */
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
      const abort = () => {
        stopListening();
        this.#queue.delete(queued);
        reject(signals.find(({ aborted }) => aborted)?.reason);
      };
      const stopListening = () => {
        for (const signal of signals) signal.removeEventListener('abort', abort);
      };
      const queued = {
        start: () => {
          stopListening();
          resolve();
        },
      };
      this.#queue.add(queued);
      for (const signal of signals) signal.addEventListener('abort', abort, { once: true });
    });
  }

  #drain(): void {
    for (const queued of this.#queue) {
      if (this.#inFlight >= this.maxConcurrent || this.#resumeTimer !== undefined) return;
      this.#queue.delete(queued);
      this.#inFlight += 1;
      queued.start();
    }
  }
}
