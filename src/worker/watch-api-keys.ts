import type { Logger, NativeConnection } from '@temporalio/worker';
import type { WorkerConfig } from '../config.js';
import type { SecretFile } from '../secret-file.js';
import { toMessage } from '../shared/display-text.js';
import type { ApiKeyCheck } from './api-key-check.js';

/**
 * Uses the API keys that replace those of the start, if they come from files, and logs each replacement.
 *
 * @returns ends it
 */
export function watchApiKeys(
  { bctrl, temporal }: Pick<WorkerConfig, 'bctrl' | 'temporal'>,
  connection: Pick<NativeConnection, 'setApiKey'>,
  keyCheck: ApiKeyCheck,
  logger: Logger,
): () => void {
  const stopAll = [
    // The client takes the key from the file itself.
    watch(bctrl.apiKeyFile, logger, async () => await keyCheck.recheck()),
    watch(temporal.apiKeyFile, logger, async (apiKey) => {
      await connection.setApiKey(apiKey);
      return undefined;
    }),
  ];
  return () => {
    for (const stop of stopAll) stop();
  };
}

/** @param use takes a new key, and returns why it may not work */
function watch(
  file: SecretFile | undefined,
  logger: Logger,
  use: (apiKey: string) => Promise<string | undefined>,
): () => void {
  if (file === undefined) return () => {};
  const { variable } = file;
  return file.watch({
    onReplaced: async () => {
      const problem = await use(file.value).catch(toMessage);
      if (problem === undefined) logger.info('API key replaced', { variable });
      else logger.warn('API key replaced, but not verified', { variable, problem });
    },
    onProblem: (problem) => logger.warn('API key kept: the new one cannot be read', { problem }),
  });
}
