import {
  type CollectedFile,
  type CollectRuntimeFileInput,
  collectRuntimeFileInputSchema,
} from '../shared/collect.js';
import { collectInAttempt } from './collect-in-attempt.js';
import type { CollectDependencies } from './collect-pass.js';
import { toBctrlError } from './failures.js';
import { fallbackKey } from './fallback-key.js';
import { parseInput } from './parse-input.js';
import { toApplicationFailure } from './to-application-failure.js';

/**
 * Copies one file of a runtime's workspace into durable storage, once, however many attempts it takes.
 *
 * The API has no idempotency key for it. The file is created with a collection key in its metadata, and an attempt
 * whose predecessor may have created it looks for that key before it creates anything.
 *
 * @throws ApplicationFailure with the reasonClass as type and {@link FailureDetails} in `details[0]`
 */
export function createCollectRuntimeFile(dependencies: CollectDependencies) {
  return async function collectRuntimeFile(input: CollectRuntimeFileInput): Promise<CollectedFile> {
    const task = parseInput(collectRuntimeFileInputSchema, input);
    const { runtimeId, collectionKey: key = fallbackKey(), lookFirst, ...options } = task;
    const toSettled = (file: CollectedFile) => ({ file });
    const collect = { runtimeId, files: [{ options, key }], lookFirst, keepOutcomes: false, toSettled };
    return await collectInAttempt(dependencies, collect, ([file]) => {
      const { settled, failed } = file ?? {};
      if (settled && 'file' in settled) return settled.file;
      const final = settled && 'error' in settled ? settled.error : undefined;
      const error = toBctrlError(failed?.error ?? final);
      throw toApplicationFailure(error, options.runtimePath, failed?.delayMs ?? null);
    });
  };
}
