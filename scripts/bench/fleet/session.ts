import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { type DevServer, startDevServer } from '../../dev-server.js';
import { resolveDevServer } from '../../temporal-servers.js';
import { type BuiltWorker, Processes } from '../processes.js';
import type { SessionOptions } from '../session.js';
import type { FleetPlan } from './options.js';
import type { SmallWorkerInput } from './small-worker.js';

/** Asks the gateway for so many jobs. */
export interface JobsRequest {
  readonly count: number;
  /** Files of each job. */
  readonly files: number;
  readonly isEnded: boolean;
}

/** A job in a runtime of its own. */
export interface Job {
  readonly runtimeId: string;
  readonly invocationId: string;
  readonly paths: readonly string[];
}

/** One Temporal server, the project's gateway, the built worker for the fleet, and a user's worker for small workflows. */
export interface FleetSession extends Pick<SessionOptions, 'log' | 'signal'> {
  readonly plan: FleetPlan;
  readonly server: DevServer;
  readonly client: Client;
  readonly worker: BuiltWorker;
  /** Of the built worker. */
  readonly taskQueue: string;
  /** Of the user's worker. */
  readonly smallTaskQueue: string;
  createJobs(request: JobsRequest): Promise<readonly Job[]>;
}

export async function openFleetSession({
  plan,
  ...options
}: Omit<SessionOptions, 'plan'> & { readonly plan: FleetPlan }): Promise<FleetSession> {
  const { signal, log, dir, onEnd, onCrash } = options;
  const executable = await resolveDevServer({ signal });
  log('starting the Temporal server, the gateway and the workers');
  const server = await startDevServer({ executable, dbFile: join(dir, 'temporal.db'), metricsPort: 0 });
  onEnd(server.close);
  const processes = new Processes(dir, onCrash);
  onEnd(() => processes.endAll());
  const connection = await Connection.connect({ address: server.address });
  onEnd(() => connection.close());

  const gateway = processes.startScript('fleet/gateway-process.ts', {});
  const { url, apiKey } = await gateway.receive<{ url: string; apiKey: string }>();
  const [taskQueue, smallTaskQueue] = [`fleet-${randomUUID()}`, `small-${randomUUID()}`];
  const input: SmallWorkerInput = {
    address: server.address,
    taskQueue: smallTaskQueue,
    gatewayUrl: url,
    apiKey,
  };
  await processes.startScript('fleet/small-worker.ts', input).receive();
  const worker = await processes.startWorker({
    TEMPORAL_ADDRESS: server.address,
    BCTRL_TASK_QUEUE: taskQueue,
    BCTRL_BASE_URL: url,
    BCTRL_API_KEY: apiKey,
    BCTRL_LOG_LEVEL: 'info',
  });
  return {
    ...{ plan, log, signal, server, worker, taskQueue, smallTaskQueue },
    client: new Client({ connection }),
    createJobs(request) {
      const jobs = gateway.receive<readonly Job[]>();
      gateway.send(request);
      return jobs;
    },
  };
}
