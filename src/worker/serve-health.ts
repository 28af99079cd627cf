import type { Worker } from '@temporalio/worker';
import type { ListenAddress } from './address.js';
import type { ApiKeyCheck } from './api-key-check.js';
import { livenessProblems, pollerProblems, temporalProblems } from './check-worker.js';
import { startHealthServer } from './start-health-server.js';

/**
 * `/livez`: the worker has not failed, nor stopped by itself. `/readyz`: it polls for tasks of both kinds, Temporal
 * answers, and the API accepts its key.
 *
 * @param worker none as long as it starts
 * @param stop aborts when the worker is asked to end
 * @returns ends it
 */
export function serveHealth(
  address: ListenAddress,
  worker: () => Worker | undefined,
  keyCheck: ApiKeyCheck,
  stop: AbortSignal,
): Promise<() => void> {
  return startHealthServer(address, {
    '/livez': async () => livenessProblems(worker(), stop),
    '/readyz': async () => {
      const [outage, problem] = await Promise.all([temporalProblems(worker()), keyCheck.problem()]);
      return [...pollerProblems(worker()), ...outage, ...(problem === undefined ? [] : [problem])];
    },
  });
}
