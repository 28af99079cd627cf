import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CollectedFile,
  type VerifyCollectedFilesInput,
  verifyCollectedFilesInputSchema,
} from '../shared/collect.js';
import { type StoredFileRef, toStoredFileRef, type VerifiedFiles } from '../shared/collect-outcome.js';
import { formatCount } from '../shared/format-count.js';
import { jsonByteLength } from '../shared/json-bytes.js';
import { parseInput } from '../shared/parse-input.js';
import type { CollectDependencies } from './collect-pass.js';
import { findFilesByCollectionKey } from './find-files.js';
import { runApiActivity } from './run-api-activity.js';

/** A last request may have been sent a moment ago, and a file that it made is to be seen even if the listing is later than usual. */
const SETTLE_TIMES = 2;

/** Of a payload's 2 MB in Temporal. */
const MAXIMUM_RESULT_BYTES = 1_000_000;

/**
 * Looks once more for files whose outcome was unclear at some time: those that are there more than once, and those that failed
 * and are there all the same. It waits for the listing to settle before.
 *
 * @throws ApplicationFailure with the reasonClass as type and {@link FailureDetails} in `details[0]`
 */
export function createVerifyCollectedFiles(dependencies: CollectDependencies) {
  return async function verifyCollectedFiles(input: VerifyCollectedFilesInput): Promise<VerifiedFiles> {
    const { runtimeId, collectionKey, collected, failed } = parseInput(
      verifyCollectedFilesInputSchema,
      input,
    );
    const prefix = `${collectionKey}/`;
    const keys = new Set([...collected, ...failed].map((identity) => prefix + identity));
    const isFailed = new Set(failed);
    const subject = keys.size === 1 ? 'a file' : `${formatCount(keys.size)} files`;
    return await runApiActivity(dependencies, subject, async ({ signal }) => {
      await sleep(SETTLE_TIMES * dependencies.listSettleMs, undefined, { signal });
      const found = new Map<string, CollectedFile>();
      await findFilesByCollectionKey(dependencies, { runtimeId }, keys, { signal }, found);
      const told = [...found].map(([key, file]) => [key.slice(prefix.length), file] as const);
      return toVerifiedFiles(
        told.filter(([identity, { duplicateIds }]) => duplicateIds !== undefined || isFailed.has(identity)),
      );
    });
  };
}

function toVerifiedFiles(found: readonly (readonly [string, CollectedFile])[]): VerifiedFiles {
  const files: Record<string, StoredFileRef> = {};
  let moreDuplicates = 0;
  let bytes = 0;
  for (const [identity, file] of found) {
    const present = toStoredFileRef(file);
    bytes += jsonByteLength(present) + identity.length;
    if (bytes <= MAXIMUM_RESULT_BYTES) files[identity] = present;
    else moreDuplicates += file.duplicateIds?.length ?? 0;
  }
  return { files, moreDuplicates };
}
