import type { Worker } from '@temporalio/worker';
import { ExitError, exitCodes } from '../exit.js';
import { hasStopped } from './check-worker.js';

/**
 * A worker ends within milliseconds, tracing within 3 seconds, unless something hangs. Docker kills 10 seconds after
 * SIGTERM, Kubernetes 30. What a worker leaves unfinished when its end is forced, Temporal has done again.
 */
const SHUTDOWN_FORCE_TIME_MS = 8_000;

/** The SDK has no event for it. */
const STATE_CHECK_INTERVAL_MS = 1_000;

const STOPPED_BY_ITSELF = 'the worker has stopped without having been asked to; its log says why';

/**
 * Runs a worker until `stop` aborts, and ends in bounded time. The SDK's `shutdownForceTime` is no such bound: it ends
 * with the worker's last task, but the SDK then waits for a Temporal server that does not respond.
 *
 * @param run ends the worker and all that belongs to it once `shutdown()` has been called
 * @param getWorker undefined as long as it starts
 * @throws Exit if the end has to be forced, or if the worker stops without having been asked to
 */
export async function runUntilStopped(
  run: () => Promise<void>,
  getWorker: () => Worker | undefined,
  stop: AbortSignal,
): Promise<void> {
  const timers: NodeJS.Timeout[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    const fail = (message: string) => reject(new ExitError(exitCodes.failed, message));
    const failLater = (message: string) =>
      void timers.push(setTimeout(fail, SHUTDOWN_FORCE_TIME_MS, message));
    const shutDown = () => {
      const worker = getWorker();
      if (hasStopped(worker)) return fail(STOPPED_BY_ITSELF);
      // Nothing has begun that could be left unfinished.
      if (worker?.getState() !== 'RUNNING') return resolve();
      failLater(`the worker did not end within ${SHUTDOWN_FORCE_TIME_MS / 1_000} s, so its end is forced`);
      worker.shutdown();
    };
    if (stop.aborted) return shutDown();
    stop.addEventListener('abort', shutDown, { once: true });
    const check = setInterval(() => {
      if (!hasStopped(getWorker())) return;
      clearInterval(check);
      if (!stop.aborted) failLater(STOPPED_BY_ITSELF);
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
