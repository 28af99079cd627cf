import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { type DevServer, startDevServer } from '../dev-server.js';
import { resolveDevServer } from '../temporal-servers.js';
import { type Gateway, startGateway } from './gateway/gateway.js';
import { startNoopWorker } from './noop/start-noop-worker.js';
import type { Plan } from './plan.js';
import { createProcesses, type Processes } from './processes.js';
import { startWorker } from './worker.js';

/** What all measurements of a run share: they are taken on the same server, with the same gateway. */
export interface Session {
  readonly plan: Plan;
  readonly signal: AbortSignal;
  readonly processes: Processes;
  readonly gateway: Gateway;
  readonly server: DevServer & { readonly metricsUrl: string };
  readonly client: Client;
  /** Where the built worker polls. */
  readonly taskQueue: string;
  /** Where the worker of the no-op activities polls. */
  readonly noopTaskQueue: string;
  /** Says on stderr what is done. */
  readonly log: (line: string) => void;
}

export interface SessionOptions extends Pick<Session, 'plan' | 'signal' | 'log'> {
  /** For the database and the working directory of the processes. */
  readonly dir: string;
  /** Takes what has to be ended, in the order in which it was started. */
  readonly onEnd: (end: () => Promise<unknown>) => void;
  /** Is told when one of the processes ended by itself. */
  readonly onCrash: (error: Error) => void;
}

/** Starts the Temporal server, the gateway, and a worker of each kind. */
export async function openSession({
  plan,
  signal,
  log,
  dir,
  onEnd,
  onCrash,
}: SessionOptions): Promise<Session> {
  const executable = await resolveDevServer({ signal });
  log('starting the Temporal server, the gateway and the workers');
  const server = await startDevServer({ executable, dbFile: join(dir, 'temporal.db'), metricsPort: 0 });
  onEnd(server.close);
  const { metricsUrl } = server;
  if (metricsUrl === undefined) throw new Error('The Temporal server has no metrics');
  const processes = createProcesses(dir, onCrash);
  onEnd(processes.endAll);
  const connection = await Connection.connect({ address: server.address });
  onEnd(() => connection.close());

  const session: Session = {
    plan,
    signal,
    log,
    processes,
    server: { ...server, metricsUrl },
    gateway: await startGateway(processes),
    client: new Client({ connection }),
    taskQueue: `bench-${randomUUID()}`,
    noopTaskQueue: `noop-${randomUUID()}`,
  };
  const { address } = server;
  await startNoopWorker(processes, { address, taskQueue: session.noopTaskQueue, dir });
  await startWorker(session, session.taskQueue);
  return session;
}
