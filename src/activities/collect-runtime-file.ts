import {
  type CollectedFile,
  type CollectRuntimeFileInput,
  collectRuntimeFileInputSchema,
} from '../shared/collect.js';
import { parseInput } from '../shared/parse-input.js';
import type { ByAccount } from './by-account.js';
import type { ActivityDependencies } from './dependencies.js';
import { toApplicationFailure, toBctrlError } from './failures.js';
import { runCollectActivity } from './run-collect-activity.js';

/**
 * Copies one file of a runtime's workspace into durable storage, once, however many attempts it takes.
 *
 * The API has no idempotency key for this. The file is created with a collection key in its metadata, and an attempt whose
 * predecessor may have created it looks for that key before it creates anything.
 *
 * @throws ApplicationFailure with the reasonClass as type and {@link FailureDetails} in `details[0]`
 */
export function createCollectRuntimeFile(dependenciesOf: ByAccount<ActivityDependencies>) {
  return async function collectRuntimeFile(input: CollectRuntimeFileInput): Promise<CollectedFile> {
    const { account, runtimeId, collectionKey, checkExistingFirst, concurrentRun, ...options } = parseInput(
      collectRuntimeFileInputSchema,
      input,
    );
    const collect = { runtimeId, collectionKey, checkExistingFirst, concurrentRun, files: [options] };
    return await runCollectActivity(dependenciesOf(account), collect, ([file], passFailure) => {
      const { outcome, lastFailure = passFailure, lookupFromMs } = file ?? {};
      if (outcome && 'file' in outcome) return outcome.file;
      const finalError = outcome && 'error' in outcome ? outcome.error : undefined;
      const error = toBctrlError(finalError ?? lastFailure?.error);
      const delayMs = finalError === undefined ? (lastFailure?.delayMs ?? null) : null;
      throw toApplicationFailure(error, options.runtimePath, delayMs, lookupFromMs !== undefined);
    });
  };
}
