import { Runtime } from '@temporalio/worker';
import { BctrlClient } from './bctrl/bctrl-client.js';
import { type Environment, readWorkerConfig } from './config.js';
import { checkCredentials } from './worker/check-credentials.js';
import { createLogger } from './worker/create-logger.js';
import { connect, createWorker } from './worker/create-worker.js';

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
  const { bctrl, log, taskQueue, temporal } = config;
  const logger = await createLogger({ ...log, format: log.format ?? defaultFormat(stderr) }, stderr);
  const client = new BctrlClient(bctrl);
  const endings: (() => unknown)[] = [() => client.close()];
  try {
    const problem = await checkCredentials(client, bctrl.baseUrl);
    if (problem !== undefined) logger.warn('the API could not check the key; going on', { problem });
    Runtime.install({
      logger,
      // The core's own lines go the same way.
      telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
    });
    const connection = await connect(config);
    endings.push(() => connection.close());
    const worker = await createWorker(connection, client, config);
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
