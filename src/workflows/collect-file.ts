import { isCancellation, proxyActivities } from '@temporalio/workflow';
import type { BctrlActivities } from '../activities/create-activities.js';
import type { CollectedFile } from '../shared/collect.js';
import { getDuplicateIds } from '../shared/collect-outcome.js';
import { truncatePath } from '../shared/display-text.js';
import { fileKey } from '../shared/keys.js';
import { parseInput } from '../shared/parse-input.js';
import { type CollectFileInput, collectFileInputSchema } from '../shared/pipeline-input.js';
import { activityOptions } from './activity-options.js';
import { collectionKey } from './collection-key.js';
import { VERIFY_GIVE_UP_AFTER } from './verify-files.js';

const { verifyCollectedFiles } = proxyActivities<BctrlActivities>(
  activityOptions({ giveUpAfter: VERIFY_GIVE_UP_AFTER }),
);

/**
 * Collects one file of a runtime into durable storage.
 *
 * @throws ApplicationFailure `invalid_input`, naming the field, for a wrong input; else the activity's failure, with the
 *   `reasonClass` as its type
 */
export async function collectFile(input: CollectFileInput): Promise<CollectedFile> {
  const { giveUpAfter, ...file } = parseInput(collectFileInputSchema, input);
  const options = activityOptions({ giveUpAfter, summary: truncatePath(file.runtimePath) });
  const { collectRuntimeFile } = proxyActivities<BctrlActivities>(options);
  const key = collectionKey();
  const collected = await collectRuntimeFile({ ...file, ...key });
  return collected.unverified ? await verifyFile(collected, file, key.collectionKey) : collected;
}

/** Looks up the duplicates of a file. If the lookup fails, the file stays unverified. */
async function verifyFile(
  file: CollectedFile,
  { runtimeId, account, ...options }: Omit<CollectFileInput, 'giveUpAfter'>,
  collectionKey: string,
): Promise<CollectedFile> {
  const key = fileKey(options);
  const { unverified: _, ...verified } = file;
  try {
    const { files } = await verifyCollectedFiles({
      runtimeId,
      collectionKey,
      collected: [key],
      failed: [],
      ...(account !== undefined && { account }),
    });
    const found = files[key];
    return { ...verified, ...(found && { duplicateIds: getDuplicateIds(file.id, found) }) };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return file;
  }
}
