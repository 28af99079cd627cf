import { randomUUID } from 'node:crypto';
import { EventEmitter, setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, type LogEntry, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';

/** In real time, however many days of virtual time the workflows take. */
const DEFAULT_TIMEOUT_MS = 60_000;

/** The SDK waits 5 seconds for the server, whose JVM needs longer where other tests keep the machine busy. */
const START_TRIES = 4;

const BUNDLE_PATH = fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url));

/** Emits `failed` for every workflow task of this process that fails. */
const workflowTasks = new EventEmitter<{ failed: [failure: string] }>();

/** Terminating its workflow does not set the clock of a test server going again. */
const stuckEnvs = new WeakSet<TestWorkflowEnvironment>();

let runtimeInstalled = false;

/** Only before the first native connection: a runtime that nobody uses keeps the process alive. */
function installRuntimeOnce(): void {
  if (runtimeInstalled) return;
  runtimeInstalled = true;
  Runtime.install({
    logger: new DefaultLogger('WARN', takeLogEntry),
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
    // With its own handlers the SDK would swallow the signal by which the test runner ends a file that hangs.
    shutdownSignals: [],
  });
}

function takeLogEntry({ level, message, meta }: LogEntry): void {
  // This warning of the core is the only way to learn of it.
  if (message === 'Failing workflow task') workflowTasks.emit('failed', String(meta?.['failure']));
  else if (level === 'ERROR') console.error(message, meta);
}

/** The `temporal` executable for `startDevServer`. */
export function devServerExecutable(): string {
  return requiredEnv('BCTRL_TEMPORAL_DEV_SERVER');
}

/** The bundle of `npm run build`. */
export function workflowBundle(): { codePath: string } {
  if (!existsSync(BUNDLE_PATH)) throw new Error(`There is no ${BUNDLE_PATH}: run npm test`);
  return { codePath: BUNDLE_PATH };
}

/** A server of its own, as its clock is one for all its workflows. `teardown()` ends it. */
export async function createTimeSkippingEnv(): Promise<TestWorkflowEnvironment> {
  installRuntimeOnce();
  const path = requiredEnv('BCTRL_TEMPORAL_TEST_SERVER');
  const start = () =>
    TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path } } });
  for (let tries = 1; tries < START_TRIES; tries += 1) {
    try {
      return await start();
    } catch (error) {
      if (!String(error).includes('did not start within')) throw error;
    }
  }
  return await start();
}

/** For workers of this process on a dev server, in real time. `teardown()` leaves the server running. */
export async function connectToDevServer(address: string): Promise<TestWorkflowEnvironment> {
  installRuntimeOnce();
  return TestWorkflowEnvironment.createFromExistingServer({ address });
}

/**
 * Runs a worker on a task queue of its own while `use` runs. Fails at once when a workflow task fails, which Temporal would
 * retry for ever, and after `timeoutMs`; the client calls of `use` are then ended, and the environment is of no further use.
 */
export async function withWorker<T>(
  env: TestWorkflowEnvironment,
  { timeoutMs = DEFAULT_TIMEOUT_MS, ...options }: Partial<WorkerOptions> & { timeoutMs?: number },
  use: (taskQueue: string) => Promise<T>,
): Promise<T> {
  if (stuckEnvs.has(env)) throw new Error('A workflow of an earlier test is stuck and holds the clock');
  const { taskQueue = randomUUID() } = options;
  const worker = await Worker.create({
    ...options,
    connection: env.nativeConnection,
    workflowBundle: options.workflowBundle ?? workflowBundle(),
    taskQueue,
    // Runs workflows in this thread. Starting a thread for each worker takes ten times as long as the worker.
    debugMode: true,
  });
  return worker.runUntil(() => failWhenStuck(env, timeoutMs, () => use(taskQueue)));
}

async function failWhenStuck<T>(
  env: TestWorkflowEnvironment,
  timeoutMs: number,
  use: () => Promise<T>,
): Promise<T> {
  const stuck = new AbortController();
  // The SDK's client adds a listener with every call and removes none.
  setMaxListeners(0, stuck.signal);
  const onFailure = (failure: string) => stuck.abort(new Error(`A workflow task failed: ${failure}`));
  workflowTasks.once('failed', onFailure);
  const timer = setTimeout(
    () => stuck.abort(new Error(`Not finished after ${timeoutMs} ms of real time`)),
    timeoutMs,
  );
  const aborted = new Promise<never>((_resolve, reject) => {
    stuck.signal.addEventListener('abort', () => reject(stuck.signal.reason));
  });
  try {
    return await Promise.race([aborted, env.connection.withAbortSignal(stuck.signal, use)]);
  } finally {
    clearTimeout(timer);
    if (stuck.signal.aborted) stuckEnvs.add(env);
    workflowTasks.off('failed', onFailure);
  }
}

/** What `npm test` passes to the tests: the path of an executable. */
export function requiredEnv(variable: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} is not set: run npm test`);
  return value;
}
