import { randomUUID } from 'node:crypto';
import type { BuiltWorker } from '../processes.js';
import { type BaseSession, openBaseSession, type SessionOptions } from '../session.js';
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

/** The project's gateway, the built worker for the fleet, and a user's worker for small workflows. */
export interface FleetSession extends BaseSession {
  readonly plan: FleetPlan;
  readonly worker: BuiltWorker;
  /** Of the built worker. */
  readonly taskQueue: string;
  /** Of the user's worker. */
  readonly smallTaskQueue: string;
  createJobs(request: JobsRequest): Promise<readonly Job[]>;
}

export async function openFleetSession(plan: FleetPlan, options: SessionOptions): Promise<FleetSession> {
  const base = await openBaseSession(options);
  const { server, processes } = base;
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
    ...base,
    ...{ plan, worker, taskQueue, smallTaskQueue },
    createJobs(request) {
      const jobs = gateway.receive<readonly Job[]>();
      gateway.send(request);
      return jobs;
    },
  };
}
