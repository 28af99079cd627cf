import { hostname } from 'node:os';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { BctrlClient } from '../bctrl/bctrl-client.js';
import type { WorkerConfig } from '../config.js';
import { ExitError, exitCodes } from '../exit.js';
import { grpcStatus } from '../grpc-status.js';
import { BctrlPlugin } from '../plugin.js';
import { toWorkerIdentity } from '../shared/worker-identity.js';
import { version } from '../version.js';
import type { Tracing } from './start-tracing.js';

/** Waiting for jobs takes an activity slot for hours, but no request; requests have a limit of their own. */
const MAXIMUM_ACTIVITIES = 500;

/** @throws Exit */
export async function connect({ temporal }: WorkerConfig): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect(temporal.connectionOptions);
  } catch (error) {
    const { address } = temporal.connectionOptions;
    throw new ExitError(
      exitCodes.unreachable,
      `Temporal at ${address} is not reachable (${reasonOf(error)})`,
    );
  }
}

/** @throws Exit for a namespace that does not exist */
export async function createWorker(
  connection: NativeConnection,
  client: BctrlClient,
  { temporal: { namespace }, taskQueue, maxTaskQueueActivitiesPerSecond, listSettleTimeMs }: WorkerConfig,
  tracing: Tracing | undefined,
): Promise<Worker> {
  await checkNamespace(connection, namespace);
  return await Worker.create({
    connection,
    namespace,
    taskQueue,
    identity: toWorkerIdentity({ pid: process.pid, hostname: hostname(), version }),
    ...(tracing && { workflowBundle: tracing.workflowBundle }),
    plugins: [
      new BctrlPlugin({ client, listSettleTime: listSettleTimeMs, workflows: tracing === undefined }),
      ...(tracing ? [tracing.plugin] : []),
    ],
    maxConcurrentActivityTaskExecutions: MAXIMUM_ACTIVITIES,
    ...(maxTaskQueueActivitiesPerSecond !== undefined && {
      maxTaskQueueActivitiesPerSecond,
      // An eager activity does not come from the task queue, which could not count it.
      maxEagerActivityReservationsPerWorkflowTask: 0,
    }),
  });
}

async function checkNamespace(connection: NativeConnection, namespace: string): Promise<void> {
  try {
    await connection.workflowService.describeNamespace({ namespace });
  } catch (error) {
    // Anything else, a key that may not ask this for instance, is for the worker itself to meet.
    if (error instanceof Error && 'code' in error && error.code === grpcStatus.NOT_FOUND) {
      throw new ExitError(exitCodes.usage, `TEMPORAL_NAMESPACE: there is no namespace "${namespace}"`);
    }
  }
}

/** The SDK's core reports its own errors as the debug print of a structure, whose last message says what happened. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.match(/message: "([^"]*)"/)?.[1] ?? text.split('\n', 1)[0] ?? text;
}
