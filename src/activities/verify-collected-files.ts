import { setTimeout as sleep } from 'node:timers/promises';
import { jsonByteLength } from '../shared/bounded-string.js';
import {
  type CollectedFile,
  type VerifyCollectedFilesInput,
  verifyCollectedFilesInputSchema,
} from '../shared/collect.js';
import { type StoredFileRef, toStoredFileRef, type VerifiedFiles } from '../shared/collect-outcome.js';
import { formatCount } from '../shared/display-text.js';
import { parseInput } from '../shared/parse-input.js';
import type { ByAccount } from './by-account.js';
import type { ActivityDependencies } from './dependencies.js';
import { findFilesByCollectionKey } from './find-files.js';
import { runApiActivity } from './run-api-activity.js';

/** The last request may have been sent a moment ago, and the listing may lag more than usual. */
const SETTLE_TIMES = 2;

/** Half of Temporal's limit of 2 MB per payload. */
const MAX_RESULT_BYTES = 1_000_000;

/**
 * Looks once more for files whose outcome was unclear at some time, after the listing has settled. It returns the files that were
 * created more than once, and the files that failed but were created nevertheless.
 *
 * @throws ApplicationFailure with the reasonClass as type and {@link FailureDetails} in `details[0]`
 */
export function createVerifyCollectedFiles(dependenciesOf: ByAccount<ActivityDependencies>) {
  return async function verifyCollectedFiles(input: VerifyCollectedFilesInput): Promise<VerifiedFiles> {
    const { account, runtimeId, collectionKey, collected, failed } = parseInput(
      verifyCollectedFilesInputSchema,
      input,
    );
    const dependencies = dependenciesOf(account);
    const prefix = `${collectionKey}/`;
    const keys = new Set([...collected, ...failed].map((key) => prefix + key));
    const failedKeys = new Set(failed);
    const subject = keys.size === 1 ? 'a file' : `${formatCount(keys.size)} files`;
    return await runApiActivity(dependencies, subject, async ({ signal }) => {
      await sleep(SETTLE_TIMES * dependencies.listSettling.durationMs, undefined, { signal });
      const found = new Map<string, CollectedFile>();
      await findFilesByCollectionKey(dependencies, { runtimeId }, keys, { signal }, found);
      const byFileKey = [...found].map(([key, file]) => [key.slice(prefix.length), file] as const);
      return toVerifiedFiles(
        byFileKey.filter(([key, { duplicateIds }]) => duplicateIds !== undefined || failedKeys.has(key)),
      );
    });
  };
}

function toVerifiedFiles(found: readonly (readonly [string, CollectedFile])[]): VerifiedFiles {
  const files: Record<string, StoredFileRef> = {};
  let moreDuplicates = 0;
  let bytes = 0;
  for (const [key, file] of found) {
    const ref = toStoredFileRef(file);
    bytes += jsonByteLength(ref) + key.length;
    if (bytes <= MAX_RESULT_BYTES) files[key] = ref;
    else moreDuplicates += file.duplicateIds?.length ?? 0;
  }
  return { files, moreDuplicates };
}
