import type { Worker } from '@temporalio/worker';
import { ExitError, exitCodes } from '../exit.js';
import { isStopping } from '../shared/worker-state.js';

/**
 * What follows the grace time takes 5 seconds for the waits of jobs and 3 for traces, unless something hangs. Temporal schedules
 * again what a forced end leaves unfinished.
 */
const SHUTDOWN_FORCE_TIME_MS = 8_000;

/** The SDK has no event for a change of the worker's state. */
const STATE_CHECK_INTERVAL_MS = 1_000;

const STOPPED_BY_ITSELF = 'the worker stopped by itself; its log says why';

/**
 * Runs a worker until `stop` aborts, then ends it in bounded time. The SDK's `shutdownForceTime` is no such bound: it
 * covers the worker's tasks, but the SDK then waits for a Temporal server that does not respond.
 *
 * @param run resolves when the worker and all that belongs to it have ended, after `shutdown()` was called
 * @param getWorker returns undefined while the worker starts
 * @param graceTimeMs how long the worker lets its activities go on after `shutdown()`
 * @throws ExitError `failed` if the end must be forced, or if the worker stops by itself
 */
export async function runUntilStopped(
  run: () => Promise<void>,
  getWorker: () => Worker | undefined,
  stop: AbortSignal,
  graceTimeMs: number,
): Promise<void> {
  const timers: NodeJS.Timeout[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    const fail = (message: string) => reject(new ExitError(exitCodes.failed, message));
    const failAfter = (ms: number, message: string) => void timers.push(setTimeout(fail, ms, message));
    const shutDown = () => {
      const worker = getWorker();
      if (worker && isStopping(worker)) return fail(STOPPED_BY_ITSELF);
      // A worker that still starts has no tasks to finish.
      if (worker?.getState() !== 'RUNNING') return resolve();
      const forceTimeMs = graceTimeMs + SHUTDOWN_FORCE_TIME_MS;
      failAfter(
        forceTimeMs,
        `the worker did not stop within ${forceTimeMs / 1_000} s and was stopped by force`,
      );
      worker.shutdown();
    };
    if (stop.aborted) return shutDown();
    stop.addEventListener('abort', shutDown, { once: true });
    const check = setInterval(() => {
      const worker = getWorker();
      if (!worker || !isStopping(worker)) return;
      clearInterval(check);
      if (!stop.aborted) failAfter(SHUTDOWN_FORCE_TIME_MS, STOPPED_BY_ITSELF);
    }, STATE_CHECK_INTERVAL_MS);
    timers.push(check);
    run().then(resolve, reject);
  });
  try {
    await ended;
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
  if (!stop.aborted) throw new ExitError(exitCodes.failed, STOPPED_BY_ITSELF);
}
