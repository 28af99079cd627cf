import { setMaxListeners } from 'node:events';
import { DetachedAttempts } from './detached-attempts.js';

/** The SDK has no event for a change of a worker's state. */
const STATE_CHECK_INTERVAL_MS = 100;

/** The part of a Temporal `Worker` that tells whether it takes tasks. */
interface WorkerState {
  getState(): string;
}

/**
 * Tells the activities that their worker stops. From then on they begin nothing new, so that the worker's grace time is enough
 * for what they have begun. Without a plugin nobody calls {@link follow}: the activities go on until the SDK cancels them.
 */
export class WorkerShutdown {
  /** Attempts without an activity slot. */
  readonly detached = new DetachedAttempts();
  readonly #workers = new Set<WorkerState>();
  #stopping = createStopping();

  /** Aborts when all workers with these activities stop. Another worker may start later, and has another signal. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Runs a worker. When the last one has ended, its detached attempts go to other workers. */
  async follow(worker: WorkerState, run: () => Promise<void>): Promise<void> {
    if (this.signal.aborted && this.#workers.size === 0) this.#stopping = createStopping();
    this.#workers.add(worker);
    const check = setInterval(() => this.#check(), STATE_CHECK_INTERVAL_MS);
    try {
      await run();
    } finally {
      clearInterval(check);
      this.#workers.delete(worker);
      if (this.#workers.size === 0) {
        this.#stopping.abort();
        await this.detached.release();
      }
    }
  }

  #check(): void {
    const isStopping = (worker: WorkerState) => !['INITIALIZED', 'RUNNING'].includes(worker.getState());
    if ([...this.#workers].every(isStopping)) this.#stopping.abort();
  }
}

function createStopping(): AbortController {
  const stopping = new AbortController();
  // Every request that waits for its turn listens to it, so many listeners are no leak.
  setMaxListeners(0, stopping.signal);
  return stopping;
}
