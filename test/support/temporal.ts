import { randomUUID } from 'node:crypto';
import { EventEmitter, setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, type LogEntry, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';

/** With a cache of 0 workflows, each workflow task replays its workflow from the beginning. Default: the SDK's. */
const { BCTRL_TEST_MAX_CACHED_WORKFLOWS: cacheLimit = '' } = process.env;

/**
 * In real time, however many days of virtual time pass. Longer than a `waitFor`, whose error says what it waited for.
 * Without a cache, a pipeline of 10,000 files takes half of this.
 */
const DEFAULT_TIMEOUT_MS = cacheLimit === '' ? 240_000 : 360_000;

/** The SDK waits 5 seconds for the server. On a busy machine its JVM takes longer. */
const START_TRIES = 4;

/** For what a test does after its calls were aborted. */
const LAST_CALLS_MS = 10_000;

const BUNDLE_PATH = fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url));

/** Emits `failed` for every workflow task of this process that fails. */
const workflowTasks = new EventEmitter<{ failed: [failure: string] }>();

/** Servers whose clock has stopped: terminating a stuck workflow does not start it again. */
const stuckEnvs = new WeakSet<TestWorkflowEnvironment>();

let runtimeInstalled = false;

/** Call it right before the first native connection, as an unused runtime keeps the process alive. */
function installRuntimeOnce(): void {
  if (runtimeInstalled) return;
  runtimeInstalled = true;
  Runtime.install({
    logger: new DefaultLogger('WARN', handleLogEntry),
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
    // The SDK's handlers would swallow the signal by which the test runner ends a file that hangs.
    shutdownSignals: [],
  });
}

function handleLogEntry({ level, message, meta }: LogEntry): void {
  // Only this warning of the core reveals it.
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

/** Starts a time-skipping server. All its workflows share one clock. `teardown()` stops it. */
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

/** Connects workers of this process to a dev server, in real time. `teardown()` leaves the server running. */
export async function connectToDevServer(address: string): Promise<TestWorkflowEnvironment> {
  installRuntimeOnce();
  return TestWorkflowEnvironment.createFromExistingServer({ address });
}

/**
 * Runs a worker on its own task queue while `use` runs. Fails after `timeoutMs`, and as soon as a workflow task fails, which
 * Temporal would retry for ever. The client calls of `use` are then aborted, and `env` cannot be used again.
 * A workflow task that takes too long fails only with `debugMode: false`.
 */
export async function withWorker<T>(
  env: TestWorkflowEnvironment,
  { timeoutMs = DEFAULT_TIMEOUT_MS, ...options }: Partial<WorkerOptions> & { timeoutMs?: number },
  use: (taskQueue: string) => Promise<T>,
): Promise<T> {
  if (stuckEnvs.has(env)) throw new Error('A workflow of an earlier test is stuck and holds the clock');
  const { taskQueue = randomUUID() } = options;
  const worker = await Worker.create({
    // Runs workflows in this thread. Starting a thread for each worker takes ten times as long as the worker.
    debugMode: true,
    ...(cacheLimit !== '' && { maxCachedWorkflows: Number(cacheLimit) }),
    ...options,
    connection: env.nativeConnection,
    workflowBundle: options.workflowBundle ?? workflowBundle(),
    taskQueue,
  });
  return worker.runUntil(() => failWhenStuck(env, timeoutMs, () => use(taskQueue)));
}

async function failWhenStuck<T>(
  env: TestWorkflowEnvironment,
  timeoutMs: number,
  use: () => Promise<T>,
): Promise<T> {
  const stuck = new AbortController();
  // The SDK's client adds a listener per call and removes none.
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
  const used = env.connection.withAbortSignal(stuck.signal, use);
  try {
    return await Promise.race([aborted, used]);
  } finally {
    clearTimeout(timer);
    workflowTasks.off('failed', onFailure);
    if (stuck.signal.aborted) {
      stuckEnvs.add(env);
      // The SDK still makes one call that is not aborted, to stop the clock. If the connection closes first, it retries and throws an
      // error that nobody can catch.
      await Promise.race([used.catch(() => {}), sleep(LAST_CALLS_MS, undefined, { ref: false })]);
    }
  }
}

/** Returns the path of an executable that `npm test` passes to the tests. */
export function requiredEnv(variable: string): string {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} is not set: run npm test`);
  return value;
}
