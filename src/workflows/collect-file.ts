import { isCancellation, proxyActivities } from '@temporalio/workflow';
import type { BctrlActivities } from '../activities/create-activities.js';
import type { CollectedFile, FileOptions } from '../shared/collect.js';
import { idsBeside } from '../shared/collect-outcome.js';
import { fileKey } from '../shared/file-key.js';
import { parseInput } from '../shared/parse-input.js';
import { type CollectFileInput, collectFileInputSchema } from '../shared/pipeline-input.js';
import { truncatePath } from '../shared/truncate-line.js';
import { activityOptions } from './activity-options.js';
import { collectionKey } from './collection-key.js';
import { VERIFY_GIVE_UP_AFTER } from './verify-files.js';

const { verifyCollectedFiles } = proxyActivities<BctrlActivities>(
  activityOptions({ giveUpAfter: VERIFY_GIVE_UP_AFTER }),
);

/** Collects one file: the smallest workflow there is. */
export async function collectFile(input: CollectFileInput): Promise<CollectedFile> {
  const { giveUpAfter, ...file } = parseInput(collectFileInputSchema, input);
  const options = activityOptions({
    giveUpAfter,
    mayAppear: file.appearsWithin !== undefined,
    summary: truncatePath(file.runtimePath),
  });
  const { collectRuntimeFile } = proxyActivities<BctrlActivities>(options);
  const key = collectionKey();
  const collected = await collectRuntimeFile({ ...file, ...key });
  return collected.unverified ? await verifyFile(collected, file, key.collectionKey) : collected;
}

/** Looks once more for a file that may be there twice. Where nobody can look it stays unverified. */
async function verifyFile(
  file: CollectedFile,
  { runtimeId, ...options }: FileOptions & { readonly runtimeId: string },
  collectionKey: string,
): Promise<CollectedFile> {
  const identity = fileKey(options);
  const { unverified: _, ...verified } = file;
  try {
    const task = { runtimeId, collectionKey, collected: [identity], failed: [] };
    const { files } = await verifyCollectedFiles(task);
    const found = files[identity];
    return { ...verified, ...(found && { duplicateIds: idsBeside(file.id, found) }) };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return file;
  }
}
