import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { type DevServer, startDevServer } from '../dev-server.js';
import { resolveDevServer } from '../temporal-servers.js';
import { API_KEY, type Gateway, startGateway } from './gateway.js';
import { probeCpu } from './machine.js';
import type { NoopWorkerInput } from './noop-worker.js';
import type { Plan } from './options.js';
import { type BuiltWorker, Processes } from './processes.js';

/** What every benchmark has: a Temporal server with its database in a file, a client of it, and processes. */
export interface BaseSession {
  readonly signal: AbortSignal;
  readonly processes: Processes;
  readonly server: DevServer;
  readonly client: Client;
  /** Writes a line to stderr. */
  readonly log: (line: string) => void;
}

/** What all measurements of a run share: one gateway, and a worker of each kind. */
export interface Session extends BaseSession {
  readonly plan: Plan;
  readonly gateway: Gateway;
  /** The task queue of the built worker. */
  readonly taskQueue: string;
  /** The task queue of the worker with the no-op activity. */
  readonly noopTaskQueue: string;
}

export interface SessionOptions extends Pick<BaseSession, 'signal' | 'log'> {
  /** For the database, and the working directory of the processes. */
  readonly dir: string;
  /** Receives what has to be closed, in the order in which it was started. */
  readonly onEnd: (end: () => Promise<unknown>) => void;
  /** Is called when one of the processes ends by itself. */
  readonly onCrash: (error: Error) => void;
}

export async function openSession(plan: Plan, options: SessionOptions): Promise<Session> {
  const base = await openBaseSession(options);
  const session: Session = {
    ...base,
    plan,
    gateway: await startGateway(base.processes),
    taskQueue: `bench-${randomUUID()}`,
    noopTaskQueue: `noop-${randomUUID()}`,
  };
  await startNoopWorker(session, options.dir);
  await startWorker(session, session.taskQueue);
  return session;
}

export async function openBaseSession(options: SessionOptions): Promise<BaseSession> {
  const { signal, log, dir, onEnd, onCrash } = options;
  const executable = await resolveDevServer({ signal });
  log('starting the Temporal server, the gateway and the workers');
  const server = await startDevServer({ executable, dbFile: join(dir, 'temporal.db'), metricsPort: 0 });
  onEnd(server.close);
  const processes = new Processes(dir, onCrash);
  onEnd(() => processes.endAll());
  const connection = await Connection.connect({ address: server.address });
  onEnd(() => connection.close());
  return { signal, log, server, processes, client: new Client({ connection }) };
}

export function startWorker(session: Session, taskQueue: string): Promise<BuiltWorker> {
  return session.processes.startWorker({
    TEMPORAL_ADDRESS: session.server.address,
    BCTRL_TASK_QUEUE: taskQueue,
    BCTRL_BASE_URL: session.gateway.url,
    BCTRL_API_KEY: API_KEY,
  });
}

async function startNoopWorker({ processes, server, noopTaskQueue }: Session, dir: string): Promise<void> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('noop-workflows.ts', import.meta.url)),
    logger: new DefaultLogger('WARN'),
  });
  const codePath = join(dir, 'noop-workflows.js');
  await writeFile(codePath, code);
  const input: NoopWorkerInput = { address: server.address, taskQueue: noopTaskQueue, codePath };
  await processes.startScript('noop-worker.ts', input).receive();
}

/** Runs the parts of a measurement one after the other, and probes the CPU before each. */
export function createSteps({ signal, log }: BaseSession) {
  const probeMs: number[] = [];
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    probeMs.push(probeCpu());
    log(`  ${name}`);
    return await work();
  };
  return { step, probeMs };
}
