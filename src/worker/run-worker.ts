import type { Logger, Worker } from '@temporalio/worker';
import { isUnencrypted, verifyApiKey } from '../api-checks.js';
import { BctrlClient } from '../bctrl/bctrl-client.js';
import type { BctrlClientHooks } from '../bctrl/client-hooks.js';
import { ClientMetrics } from '../client-metrics.js';
import { readWorkerConfig } from '../config.js';
import type { Environment } from '../environment.js';
import { ExitError, exitCodes } from '../exit.js';
import { ApiKeyCheck } from './api-key-check.js';
import { checkOpenFiles } from './check-open-files.js';
import { createLogger, type LogStream } from './create-logger.js';
import { connect, createWorker, toTemporalError } from './create-worker.js';
import { serveDescription } from './describe-worker.js';
import { startHeldPipelinesGauge } from './held-pipelines-gauge.js';
import { installRuntime } from './install-runtime.js';
import { runUntilStopped } from './run-until-stopped.js';
import { serveHealth } from './serve-health.js';
import { watchApiKeys } from './watch-api-keys.js';

/** Shorter than the usual timeout of a readiness probe. */
const KEY_CHECK_TIMEOUT_MS = 2_000;

/**
 * Runs a worker until `stop` aborts. Verifies the key and the connection to Temporal first, so that a wrong setting ends the
 * worker with one message instead of failing every activity.
 *
 * @throws ExitError
 */
export async function runWorker(env: Environment, stderr: LogStream, stop: AbortSignal): Promise<void> {
  const config = readWorkerConfig(env);
  const { bctrl, metricsAddress, healthAddress, taskQueue, temporal } = config;
  const logger = createLogger(config.log, stderr);
  if (isUnencrypted(bctrl.baseUrl)) {
    logger.warn(`the API key travels unencrypted to ${bctrl.baseUrl}: use https`);
  }
  const metrics = metricsAddress && new ClientMetrics();
  const keyClient = new BctrlClient({
    ...bctrl,
    requestTimeoutMs: KEY_CHECK_TIMEOUT_MS,
    maxRateLimitPauseMs: 0,
    hooks: metrics,
  });
  const keyCheck = new ApiKeyCheck(keyClient);
  const client = new BctrlClient({ ...bctrl, hooks: combineHooks(metrics, healthAddress && keyCheck) });
  const shutdownHooks: (() => unknown)[] = [() => client.close(), () => keyClient.close()];
  let worker: Worker | undefined;
  const run = async () => {
    try {
      checkOpenFiles(client.maxRequests);
      if (healthAddress) shutdownHooks.push(await serveHealth(healthAddress, () => worker, keyCheck, stop));
      const problem = await verifyApiKey(client, bctrl).catch(toPassingProblem);
      if (problem !== undefined) logger.warn('could not verify the API key; starting anyway', { problem });
      const runtime = await installRuntime(logger, metricsAddress);
      metrics?.setMeter(runtime.metricMeter);
      const tracing = config.tracing && (await importTracing()).startTracing(config.tracing, logger);
      if (tracing) shutdownHooks.push(() => tracing.close());
      const connection = await connect(config);
      shutdownHooks.push(() => connection.close());
      shutdownHooks.push(watchApiKeys(config, connection, keyCheck, logger));
      worker = await createWorker(connection, client, config, tracing);
      if (metrics && worker.client) {
        shutdownHooks.push(startHeldPipelinesGauge(worker.client, runtime.metricMeter));
      }
      shutdownHooks.push(await serveDescription(connection, worker, client, keyCheck, config.encryptionKeys));
      logger.info(`worker polls task queue "${taskQueue}" in namespace "${temporal.namespace}"`);
      await worker.run();
    } catch (error) {
      throw toTemporalError(config, error);
    } finally {
      for (const shutDown of shutdownHooks.reverse()) await runShutdownHook(shutDown, logger);
    }
  };
  await runUntilStopped(run, () => worker, stop, config.shutdownGraceTimeMs);
}

/** An API that is away may come back. Until then the worker is not ready. */
function toPassingProblem(error: unknown): string {
  if (error instanceof ExitError && error.code === exitCodes.unreachable) return error.message;
  throw error;
}

/**
 * Imports OpenTelemetry, which is large, on demand.
 *
 * @throws ExitError `usage` if it is not installed
 */
async function importTracing() {
  try {
    return await import('./start-tracing.js');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error;
    const packageName = '@temporalio/interceptors-opentelemetry';
    const problem = `OTEL_EXPORTER_OTLP_ENDPOINT: traces need ${packageName}: npm install ${packageName}`;
    throw new ExitError(exitCodes.usage, problem);
  }
}

/** Only logs a failure: the other hooks must run, and the error that ended the worker must stay visible. */
async function runShutdownHook(shutDown: () => unknown, logger: Logger): Promise<void> {
  try {
    await shutDown();
  } catch (error) {
    logger.warn('shutdown was incomplete', { problem: String(error) });
  }
}

/** Returns undefined for no hooks, so that the client of a worker without metrics and health calls none. */
function combineHooks(...all: (BctrlClientHooks | undefined)[]): BctrlClientHooks | undefined {
  const hooks = all.filter((each) => each !== undefined);
  if (hooks.length <= 1) return hooks[0];
  return {
    onRequest(operation) {
      for (const each of hooks) each.onRequest(operation);
    },
    onResponse(operation, status) {
      for (const each of hooks) each.onResponse(operation, status);
    },
    onRateLimitPause(durationMs) {
      for (const each of hooks) each.onRateLimitPause(durationMs);
    },
  };
}
