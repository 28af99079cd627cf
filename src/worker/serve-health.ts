import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from '@temporalio/worker';
import { ConfigError } from '../exit.js';
import { formatAddress, type ListenAddress } from '../listen-address.js';
import { toMessage } from '../shared/display-text.js';
import { isStopping } from '../shared/worker-state.js';
import type { ApiKeyCheck } from './api-key-check.js';

/** One sentence each. Empty if all is well. */
type Problems = readonly string[];

/** Far above Temporal's response time, and shorter than the usual timeout of a readiness probe. */
const TEMPORAL_TIMEOUT_MS = 2_000;

/**
 * Serves the worker's health over HTTP: 200, or 503 with the problems, as JSON.
 *
 * - `/livez`: the worker has not failed and has not stopped by itself.
 * - `/readyz`: it polls for workflow and activity tasks, Temporal responds, and the API accepts the key.
 *
 * @param getWorker returns undefined while the worker starts
 * @param stop aborts when the worker is asked to end
 * @returns closes the server and its connections
 * @throws ConfigError if it cannot listen on the address
 */
export async function serveHealth(
  address: ListenAddress,
  getWorker: () => Worker | undefined,
  keyCheck: ApiKeyCheck,
  stop: AbortSignal,
): Promise<() => void> {
  const checks = new Map<string, () => Promise<Problems>>([
    ['/livez', async () => livenessProblems(getWorker(), stop)],
    ['/readyz', () => readinessProblems(getWorker(), keyCheck)],
  ]);
  const server = createServer(async (request, response) => {
    const check = checks.get((request.url ?? '').split('?', 1)[0] ?? '');
    const problems = check ? await check() : [`not found; use ${[...checks.keys()].join(' or ')}`];
    const status = check === undefined ? 404 : problems.length === 0 ? 200 : 503;
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify(status === 200 ? { status: 'ok' } : { status: 'unavailable', problems }));
  });
  await new Promise<void>((resolve, reject) => {
    server.on('error', ({ message }) => {
      const where = formatAddress(address);
      reject(new ConfigError(`BCTRL_HEALTH_ADDRESS: cannot listen on ${where} (${message})`));
    });
    server.listen(address.port, address.host, resolve);
  });
  return () => {
    server.close();
    server.closeAllConnections();
  };
}

function livenessProblems(worker: Worker | undefined, stop: AbortSignal): Problems {
  if (worker === undefined) return [];
  const { runState, workflowPollerState, activityPollerState } = worker.getStatus();
  const hasFailed = [runState, workflowPollerState, activityPollerState].includes('FAILED');
  if (hasFailed) return ['the worker has failed'];
  return isStopping(worker) && !stop.aborted ? [`the worker stopped by itself: ${runState}`] : [];
}

async function readinessProblems(worker: Worker | undefined, keyCheck: ApiKeyCheck): Promise<Problems> {
  const [temporalProblem, keyProblem] = await Promise.all([findTemporalProblem(worker), keyCheck.problem()]);
  const problems = [...pollerProblems(worker), temporalProblem, keyProblem];
  return problems.filter((problem) => problem !== undefined);
}

function pollerProblems(worker: Worker | undefined): Problems {
  if (worker === undefined) return ['the worker is not connected yet'];
  const { runState, workflowPollerState, activityPollerState } = worker.getStatus();
  if (runState !== 'RUNNING') return [`the worker is not running (state ${runState})`];
  return [
    ...(workflowPollerState === 'POLLING' ? [] : [`workflow tasks are not polled: ${workflowPollerState}`]),
    ...(activityPollerState === 'POLLING' ? [] : [`activity tasks are not polled: ${activityPollerState}`]),
  ];
}

/** A worker that has lost Temporal still reports that it polls, so Temporal is asked. */
async function findTemporalProblem(worker: Worker | undefined): Promise<string | undefined> {
  const { connection } = worker ?? {};
  if (connection === undefined) return undefined;
  const response = connection.workflowService.getSystemInfo({}).then(() => undefined, toFirstLine);
  // A deadline on the call would not end the connection's own retries.
  const late = sleep(TEMPORAL_TIMEOUT_MS, `nothing within ${TEMPORAL_TIMEOUT_MS} ms`, { ref: false });
  const problem = await Promise.race([response, late]);
  return problem === undefined ? undefined : `Temporal does not respond: ${problem}`;
}

function toFirstLine(error: unknown): string {
  return toMessage(error).split('\n', 1)[0] ?? '';
}
