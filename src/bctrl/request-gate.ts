import { MAX_TIMER_MS } from '../shared/duration.js';

interface Waiting {
  readonly pass: () => void;
}

/**
 * Lets requests through: so many at a time, in the order in which they came, and none while it is closed. A request that
 * finds it open and not full goes straight on, which a general queue makes a fifth of its cost.
 */
export class RequestGate {
  readonly width: number;
  #inside = 0;
  #closedSinceMs = 0;
  #closedUntilMs = 0;
  #opening: NodeJS.Timeout | undefined;
  #isRemoved = false;
  readonly #onOpened: (closedMs: number) => void;
  readonly #waiting = new Set<Waiting>();

  /** @param onOpened learns for how long the gate was closed, each time that it opens */
  constructor(width: number, onOpened: (closedMs: number) => void) {
    this.width = width;
    this.#onOpened = onOpened;
  }

  /** Rejects with the reason of the signal that aborts before it is the request's turn. */
  async run<T>(signals: readonly AbortSignal[], request: () => Promise<T>): Promise<T> {
    for (const signal of signals) signal.throwIfAborted();
    if (this.#inside < this.width && this.#opening === undefined) this.#inside += 1;
    else await this.#wait(signals);
    try {
      return await request();
    } finally {
      this.#inside -= 1;
      this.#letIn();
    }
  }

  /** Closes it for so long at least, from now on. */
  close(durationMs: number): void {
    const nowMs = performance.now();
    const untilMs = nowMs + durationMs;
    if (this.#isRemoved || durationMs <= 0 || untilMs <= this.#closedUntilMs) return;
    if (this.#opening === undefined) this.#closedSinceMs = nowMs;
    this.#closedUntilMs = untilMs;
    clearTimeout(this.#opening);
    this.#opening = setTimeout(() => this.#open(), Math.min(durationMs, MAX_TIMER_MS));
  }

  /** Opens it for good. */
  remove(): void {
    this.#isRemoved = true;
    this.#open();
  }

  #open(): void {
    if (this.#opening !== undefined) this.#onOpened(performance.now() - this.#closedSinceMs);
    clearTimeout(this.#opening);
    this.#opening = undefined;
    this.#closedUntilMs = 0;
    this.#letIn();
  }

  #wait(signals: readonly AbortSignal[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (event: Event) => {
        stopListening();
        this.#waiting.delete(waiting);
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
      this.#waiting.add(waiting);
      for (const signal of signals) signal.addEventListener('abort', leave, { once: true });
    });
  }

  #letIn(): void {
    for (const waiting of this.#waiting) {
      if (this.#inside >= this.width || this.#opening !== undefined) return;
      this.#waiting.delete(waiting);
      this.#inside += 1;
      waiting.pass();
    }
  }
}
