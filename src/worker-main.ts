import type { Logger, Worker } from '@temporalio/worker';
import { BctrlClient } from './bctrl/bctrl-client.js';
import { verifyApiKey } from './check-credentials.js';
import { type Environment, readWorkerConfig } from './config.js';
import { ApiKeyCheck } from './worker/api-key-check.js';
import { ClientMetrics } from './worker/client-metrics.js';
import { createLogger } from './worker/create-logger.js';
import { connect, createWorker } from './worker/create-worker.js';
import { installRuntime } from './worker/install-runtime.js';
import { combineHooks } from './worker/observe-with-all.js';
import { runUntilStopped } from './worker/run-until-stopped.js';
import { serveHealth } from './worker/serve-health.js';
import { startHeldPipelinesGauge } from './worker/watch-held-pipelines.js';

/** Whoever asks for the worker's health waits no longer for the API's answer. */
const KEY_CHECK_TIMEOUT_MS = 2_000;

export interface LogStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/**
 * Runs a worker until `stop` aborts. It checks the credentials and both connections first, so that what is wrong
 * is said at once and not by every activity.
 *
 * @throws ConfigError, Exit
 */
export async function runWorker(env: Environment, stderr: LogStream, stop: AbortSignal): Promise<void> {
  const config = readWorkerConfig(env);
  const { bctrl, log, metricsAddress, healthAddress, taskQueue, temporal } = config;
  const logger = await createLogger({ ...log, format: log.format ?? defaultFormat(stderr) }, stderr);
  const metrics = metricsAddress && new ClientMetrics();
  const keyClient = new BctrlClient({
    ...bctrl,
    requestTimeoutMs: KEY_CHECK_TIMEOUT_MS,
    maxRateLimitPauseMs: 0,
    hooks: metrics,
  });
  const keyCheck = new ApiKeyCheck(keyClient);
  const observers = [...(metrics ? [metrics] : []), ...(healthAddress ? [keyCheck] : [])];
  const client = new BctrlClient({ ...bctrl, hooks: combineHooks(observers) });
  const shutdownHooks: (() => unknown)[] = [() => client.close(), () => keyClient.close()];
  let worker: Worker | undefined;
  const run = async () => {
    try {
      if (healthAddress) shutdownHooks.push(await serveHealth(healthAddress, () => worker, keyCheck, stop));
      const problem = await verifyApiKey(client, bctrl.baseUrl);
      if (problem !== undefined) logger.warn('the API could not check the key; going on', { problem });
      const runtime = await installRuntime(logger, metricsAddress);
      metrics?.setMeter(runtime.metricMeter);
      // Loaded on demand: OpenTelemetry is large.
      const tracing =
        config.tracing &&
        (await (await import('./worker/start-tracing.js')).startTracing(config.tracing, logger));
      if (tracing) shutdownHooks.push(() => tracing.close());
      const connection = await connect(config);
      shutdownHooks.push(() => connection.close());
      worker = await createWorker(connection, client, config, tracing);
      if (metrics && worker.client)
        shutdownHooks.push(startHeldPipelinesGauge(worker.client, runtime.metricMeter));
      logger.info(`worker polls task queue "${taskQueue}" in namespace "${temporal.namespace}"`);
      await worker.run();
    } finally {
      for (const end of shutdownHooks.reverse()) await endQuietly(end, logger);
    }
  };
  await runUntilStopped(run, () => worker, stop);
}

/** What fails at the end must not keep the rest from ending, nor hide why the worker ends. */
async function endQuietly(end: () => unknown, logger: Logger): Promise<void> {
  try {
    await end();
  } catch (error) {
    logger.warn('could not end in good order', { problem: String(error) });
  }
}

/** A person reads a terminal, a program everything else. */
function defaultFormat({ isTTY = false }: LogStream): 'json' | 'pretty' {
  return isTTY ? 'pretty' : 'json';
}
