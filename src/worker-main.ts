import { hostname } from 'node:os';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { BctrlClient } from './bctrl/bctrl-client.js';
import { BctrlError } from './bctrl/bctrl-error.js';
import { type Environment, readWorkerConfig, type WorkerConfig } from './config.js';
import { Exit, exitCodes } from './exit.js';
import { BctrlPlugin } from './plugin.js';
import { toWorkerIdentity } from './shared/worker-identity.js';
import { version } from './version.js';

/** gRPC's code for what does not exist. */
const NOT_FOUND = 5;

/** Waiting for jobs takes an activity slot for hours, but no request; requests have a limit of their own. */
const MAXIMUM_ACTIVITIES = 500;

/**
 * Runs a worker until SIGINT or SIGTERM. It checks the credentials and both connections first, so that what is wrong
 * is said at once and not by every activity.
 *
 * @throws ConfigError, Exit
 */
export async function runWorker(env: Environment, log: (line: string) => void): Promise<void> {
  const config = readWorkerConfig(env);
  const client = new BctrlClient(config.bctrl);
  try {
    await checkCredentials(client, config, log);
    Runtime.install({
      logger: new DefaultLogger('INFO'),
      // The core's own lines go the same way: stderr.
      telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
    });
    const connection = await connect(config);
    try {
      const worker = await createWorker(connection, client, config);
      log(`worker polls task queue "${config.taskQueue}" in namespace "${config.temporal.namespace}"`);
      await worker.run();
    } finally {
      await connection.close();
    }
  } finally {
    await client.close();
  }
}

async function checkCredentials(
  client: BctrlClient,
  { bctrl: { baseUrl } }: WorkerConfig,
  log: (line: string) => void,
): Promise<void> {
  try {
    await client.whoami();
  } catch (error) {
    if (!(error instanceof BctrlError)) throw error;
    const said = `${baseUrl}: ${error.message}`;
    if (error.reasonClass === 'unauthorized') {
      throw new Exit(exitCodes.usage, `BCTRL_API_KEY: the API refuses it (${said})`);
    }
    if (error.status === undefined) {
      throw new Exit(exitCodes.unreachable, `BCTRL_BASE_URL: the API is not reachable (${said})`);
    }
    if (error.reasonClass === 'not_found' || error.code === 'response.invalid') {
      throw new Exit(exitCodes.usage, `BCTRL_BASE_URL: this is not the bctrl API (${said})`);
    }
    // It answers, though not well: the activities' retries are made for that.
    log(`the API could not check the key (${said}); going on`);
  }
}

async function connect({ temporal }: WorkerConfig): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect(temporal.connectionOptions);
  } catch (error) {
    const address = temporal.connectionOptions.address ?? 'localhost:7233';
    throw new Exit(exitCodes.unreachable, `Temporal at ${address} is not reachable (${reasonOf(error)})`);
  }
}

async function createWorker(
  connection: NativeConnection,
  client: BctrlClient,
  { temporal: { namespace }, taskQueue, maxTaskQueueActivitiesPerSecond }: WorkerConfig,
): Promise<Worker> {
  await checkNamespace(connection, namespace);
  return await Worker.create({
    connection,
    namespace,
    taskQueue,
    identity: toWorkerIdentity({ pid: process.pid, hostname: hostname(), version }),
    plugins: [new BctrlPlugin({ client, workflows: true })],
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
    if (error instanceof Error && 'code' in error && error.code === NOT_FOUND) {
      throw new Exit(exitCodes.usage, `TEMPORAL_NAMESPACE: there is no namespace "${namespace}"`);
    }
  }
}

/** The SDK's core reports its own errors as the debug print of a structure, whose last message says what happened. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.match(/message: "([^"]*)"/)?.[1] ?? text.split('\n', 1)[0] ?? text;
}
