import type { Worker } from '@temporalio/worker';
import type { Address } from './address.js';
import type { ApiKeyCheck } from './api-key-check.js';
import { findFailure, findIdleness, findOutage } from './check-worker.js';
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
  address: Address,
  worker: () => Worker | undefined,
  keyCheck: ApiKeyCheck,
  stop: AbortSignal,
): Promise<() => void> {
  return startHealthServer(address, {
    '/livez': async () => findFailure(worker(), stop),
    '/readyz': async () => {
      const [outage, problem] = await Promise.all([findOutage(worker()), keyCheck.problem()]);
      return [...findIdleness(worker()), ...outage, ...(problem === undefined ? [] : [problem])];
    },
  });
}
