import { setMaxListeners } from 'node:events';
import type { Client } from '@temporalio/client';
import { isStopping } from '../shared/worker-state.js';
import { DetachedAttempts } from './detached-attempts.js';

/** The SDK has no event for a change of a worker's state. */
const STATE_CHECK_INTERVAL_MS = 100;

/** What this needs of a Temporal `Worker`. */
interface StoppableWorker {
  readonly client: Client | undefined;
  getState(): string;
}

/**
 * Tells the activities that their worker stops. From then on they begin nothing new, so that the worker's grace time is enough
 * for what they have begun. Without a plugin nobody calls {@link follow}: the activities go on until the SDK cancels them.
 */
export class WorkerShutdown {
  /** Attempts without an activity slot. */
  readonly detached = new DetachedAttempts();
  readonly #workers = new Set<StoppableWorker>();
  #stopping = createStopping();

  /** Aborts when all workers with these activities stop. A worker that starts later has another signal. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Runs a worker. As soon as it stops, its detached attempts go to other workers. */
  async follow(worker: StoppableWorker, run: () => Promise<void>): Promise<void> {
    if (this.#workers.has(worker)) return await run();
    if (this.signal.aborted) this.#stopping = createStopping();
    this.#workers.add(worker);
    let released: Promise<void> | undefined;
    const stop = () => {
      clearInterval(check);
      if ([...this.#workers].every(isStopping)) this.#stopping.abort();
      // Not at the end: by then the worker may have closed its connection.
      released = this.detached.release(worker.client);
    };
    const check = setInterval(() => isStopping(worker) && stop(), STATE_CHECK_INTERVAL_MS);
    try {
      await run();
    } finally {
      this.#workers.delete(worker);
      stop();
      await released;
    }
  }
}

function createStopping(): AbortController {
  const stopping = new AbortController();
  // Every request that waits for its turn listens to it, so many listeners are no leak.
  setMaxListeners(0, stopping.signal);
  return stopping;
}
