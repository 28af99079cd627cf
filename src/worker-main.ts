import { BctrlClient } from './bctrl/bctrl-client.js';
import { type Environment, readWorkerConfig } from './config.js';
import { checkCredentials } from './worker/check-credentials.js';
import { ClientMetrics } from './worker/client-metrics.js';
import { createLogger } from './worker/create-logger.js';
import { connect, createWorker } from './worker/create-worker.js';
import { installRuntime } from './worker/install-runtime.js';
import { watchHeldPipelines } from './worker/watch-held-pipelines.js';

export interface LogStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/**
 * Runs a worker until SIGINT or SIGTERM. It checks the credentials and both connections first, so that what is wrong
 * is said at once and not by every activity.
 *
 * @throws ConfigError, Exit
 */
export async function runWorker(env: Environment, stderr: LogStream): Promise<void> {
  const config = readWorkerConfig(env);
  const { bctrl, log, metricsAddress, taskQueue, temporal } = config;
  const logger = await createLogger({ ...log, format: log.format ?? defaultFormat(stderr) }, stderr);
  const metrics = metricsAddress && new ClientMetrics();
  const client = new BctrlClient({ ...bctrl, observer: metrics });
  const endings: (() => unknown)[] = [() => client.close()];
  try {
    const problem = await checkCredentials(client, bctrl.baseUrl);
    if (problem !== undefined) logger.warn('the API could not check the key; going on', { problem });
    const runtime = await installRuntime(logger, metricsAddress);
    metrics?.reportTo(runtime.metricMeter);
    const connection = await connect(config);
    endings.push(() => connection.close());
    const worker = await createWorker(connection, client, config);
    if (metrics && worker.client) endings.push(watchHeldPipelines(worker.client, runtime.metricMeter));
    logger.info(`worker polls task queue "${taskQueue}" in namespace "${temporal.namespace}"`);
    await worker.run();
  } finally {
    for (const end of endings.reverse()) await end();
  }
}

/** A person reads a terminal, a program everything else. */
function defaultFormat({ isTTY = false }: LogStream): 'json' | 'pretty' {
  return isTTY ? 'pretty' : 'json';
}
