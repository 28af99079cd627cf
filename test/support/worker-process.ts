import type { TestContext } from 'node:test';
import type { Client } from '@temporalio/client';
import { type RunningProcess, startExecutable } from './executable.js';
import { API_KEY } from './gateway.js';
import { waitFor } from './wait-for.js';

/** `TaskQueueType` of the Temporal API: workflows and activities. */
const TASK_QUEUE_TYPES = [1, 2] as const;

interface WorkerProcessOptions {
  /** `host:port` of the Temporal server. */
  readonly address: string;
  readonly gatewayUrl: string;
  readonly taskQueue: string;
  /** The value of `BCTRL_REQUEST_TIMEOUT`. */
  readonly requestTimeout?: string;
  /** Further variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the built worker and waits until it polls its task queue. It is killed after the test. */
export async function startWorkerProcess(
  t: TestContext,
  options: WorkerProcessOptions,
): Promise<RunningProcess> {
  const { address, gatewayUrl, taskQueue, requestTimeout, env } = options;
  const worker = startExecutable(t, 'worker', [], {
    TEMPORAL_ADDRESS: address,
    BCTRL_TASK_QUEUE: taskQueue,
    BCTRL_BASE_URL: gatewayUrl,
    BCTRL_API_KEY: API_KEY,
    ...(requestTimeout !== undefined && { BCTRL_REQUEST_TIMEOUT: requestTimeout }),
    ...env,
  });
  const polls = new Promise<void>((resolve) => {
    worker.child.stderr?.on('data', () => {
      if (worker.stderr().includes('worker polls task queue')) resolve();
    });
  });
  const ended = worker.ended.then(({ code, stderr }) => {
    throw new Error(`The worker ended with ${code}: ${stderr}`);
  });
  await Promise.race([polls, ended]);
  return worker;
}

/** Waits until Temporal lists a poller of the task queue: a worker logs that it polls a moment before. */
export async function waitForPollers({ workflowService }: Client, taskQueue: string): Promise<void> {
  for (const taskQueueType of TASK_QUEUE_TYPES) {
    const request = { namespace: 'default', taskQueue: { name: taskQueue }, taskQueueType };
    await waitFor('a poller', async () => (await workflowService.describeTaskQueue(request)).pollers?.length);
  }
}
