import {
  type CollectedFile,
  type CollectRuntimeFileInput,
  collectRuntimeFileInputSchema,
} from '../shared/collect.js';
import { parseInput } from '../shared/parse-input.js';
import { defaultCollectionKey, toCollectionKey } from './collection-keys.js';
import { toBctrlError } from './failures.js';
import { type CollectActivityDependencies, runCollectActivity } from './run-collect-activity.js';
import { toApplicationFailure } from './to-application-failure.js';

/**
 * Copies one file of a runtime's workspace into durable storage, once, however many attempts it takes.
 *
 * The API has no idempotency key for it. The file is created with a collection key in its metadata, and an attempt
 * whose predecessor may have created it looks for that key before it creates anything.
 *
 * @throws ApplicationFailure with the reasonClass as type and {@link FailureDetails} in `details[0]`
 */
export function createCollectRuntimeFile(dependencies: CollectActivityDependencies) {
  return async function collectRuntimeFile(input: CollectRuntimeFileInput): Promise<CollectedFile> {
    const {
      runtimeId,
      collectionKey = defaultCollectionKey(),
      checkExistingFirst,
      concurrentRun,
      ...options
    } = parseInput(collectRuntimeFileInputSchema, input);
    const collect = {
      runtimeId,
      files: [{ options, key: toCollectionKey(collectionKey, options) }],
      checkExistingFirst,
      concurrentRun,
      checkpointOutcomes: false,
      toResult: (file: CollectedFile) => ({ file }),
    };
    return await runCollectActivity(dependencies, collect, ([file], attemptFailure) => {
      const { outcome, lastFailure = attemptFailure, lookupFromMs } = file ?? {};
      if (outcome && 'file' in outcome) return outcome.file;
      const final = outcome && 'error' in outcome ? outcome.error : undefined;
      const error = toBctrlError(final ?? lastFailure?.error);
      const delayMs = final === undefined ? (lastFailure?.delayMs ?? null) : null;
      throw toApplicationFailure(error, options.runtimePath, delayMs, lookupFromMs !== undefined);
    });
  };
}
