import { hostname } from 'node:os';
import { NativeConnection, TransportError, Worker } from '@temporalio/worker';
import type { BctrlClient } from '../bctrl/bctrl-client.js';
import { grpcStatus } from '../client/grpc-status.js';
import type { WorkerConfig } from '../config.js';
import { toDataConverter } from '../create-encryption.js';
import { ExitError, exitCodes } from '../exit.js';
import { BctrlPlugin } from '../plugin.js';
import { toMessage } from '../shared/display-text.js';
import { toWorkerIdentity } from '../shared/worker-identity.js';
import { version } from '../version.js';
import { defaultMaxCachedWorkflows } from './max-cached-workflows.js';
import type { Tracing } from './start-tracing.js';

/** Far more than there are requests in flight, which have a limit of their own. A wait for a job occupies no slot. */
export const MAX_ACTIVITIES = 500;

/**
 * For one activation of a workflow: longer than a container is paused for. After the SDK's 5 s, it takes a process that was frozen
 * in the middle of one for a workflow that loops without end, and as it ends the activation, Node may crash
 * (https://github.com/nodejs/node/issues/38503). The SDK's types do not have this option.
 */
const ACTIVATION_LIMIT: object = { isolateExecutionTimeout: '1m' };

/** As many pollers as there are tasks: few for a worker at rest, more for one that is late. */
const POLLERS = { type: 'autoscaling' } as const;

/** Returns the error that ends the worker if Temporal goes away or refuses it. Other errors stay as they are. */
export function toTemporalError({ temporal }: WorkerConfig, error: unknown): unknown {
  if (!(error instanceof TransportError)) return error;
  const { address } = temporal.connectionOptions;
  if (!/code: (PermissionDenied|Unauthenticated)\b/.test(error.message)) return toUnreachable(address, error);
  return new ExitError(exitCodes.usage, `Temporal at ${address} refuses this worker (${toReason(error)})`);
}

/** @throws ExitError `unreachable` */
export async function connect({ temporal }: WorkerConfig): Promise<NativeConnection> {
  const { connectionOptions } = temporal;
  try {
    return await NativeConnection.connect(connectionOptions);
  } catch (error) {
    throw toUnreachable(connectionOptions.address, error);
  }
}

function toUnreachable(address: string, error: unknown): ExitError {
  return new ExitError(exitCodes.unreachable, `Temporal at ${address} is not reachable (${toReason(error)})`);
}

/** The SDK's core reports an error as the debug print of a struct. Its `message` says what happened. */
function toReason(error: unknown): string {
  const text = toMessage(error);
  return text.match(/message: "([^"]*)"/)?.[1] ?? text.split('\n', 1)[0] ?? text;
}

/** @throws ExitError `usage` if the namespace does not exist */
export async function createWorker(
  connection: NativeConnection,
  client: BctrlClient,
  config: WorkerConfig,
  tracing: Tracing | undefined,
): Promise<Worker> {
  const { temporal, taskQueue, maxTaskQueueActivitiesPerSecond, listSettleTimeMs } = config;
  const { namespace } = temporal;
  await checkNamespace(connection, namespace);
  return await Worker.create({
    connection,
    namespace,
    taskQueue,
    identity: toWorkerIdentity({ pid: process.pid, hostname: hostname(), version }),
    dataConverter: toDataConverter(config.encryptionKeys),
    ...(config.deploymentVersion && {
      workerDeploymentOptions: {
        version: config.deploymentVersion,
        useWorkerVersioning: true,
        // A pipeline stays on the workflow code that it was started with.
        defaultVersioningBehavior: 'PINNED',
      },
    }),
    plugins: [
      new BctrlPlugin({ client, listSettleTime: listSettleTimeMs, workflows: true }),
      ...(tracing ? [tracing.plugin] : []),
    ],
    maxCachedWorkflows: config.maxCachedWorkflows ?? defaultMaxCachedWorkflows(),
    maxConcurrentActivityTaskExecutions: MAX_ACTIVITIES,
    workflowTaskPollerBehavior: POLLERS,
    activityTaskPollerBehavior: POLLERS,
    shutdownGraceTime: config.shutdownGraceTimeMs,
    ...ACTIVATION_LIMIT,
    ...(maxTaskQueueActivitiesPerSecond !== undefined && {
      maxTaskQueueActivitiesPerSecond,
      // Eager activities bypass the task queue and its rate limit.
      maxEagerActivityReservationsPerWorkflowTask: 0,
    }),
  });
}

async function checkNamespace(connection: NativeConnection, namespace: string): Promise<void> {
  try {
    await connection.workflowService.describeNamespace({ namespace });
  } catch (error) {
    // The worker asks again when it is made, and its error is the one that is shown.
    if (error instanceof Error && 'code' in error && error.code === grpcStatus.NOT_FOUND) {
      throw new ExitError(exitCodes.usage, `TEMPORAL_NAMESPACE: there is no namespace "${namespace}"`);
    }
  }
}
