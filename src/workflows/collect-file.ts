import { proxyActivities } from '@temporalio/workflow';
import type { BctrlActivities } from '../activities/create-activities.js';
import type { CollectedFile } from '../shared/collect.js';
import { idsBeside } from '../shared/collect-outcome.js';
import { fileIdentity } from '../shared/file-identity.js';
import { shortPath } from '../shared/one-line.js';
import { type CollectFileInput, collectFileInputSchema } from '../shared/pipeline-input.js';
import { activityOptions } from './bctrl-activities.js';
import { collectionKey } from './collection-key.js';
import { parseWorkflowInput } from './parse-workflow-input.js';

/** Collects one file: the smallest workflow there is. */
export async function collectFile(input: CollectFileInput): Promise<CollectedFile> {
  const { giveUpAfter, ...file } = parseWorkflowInput(collectFileInputSchema, input);
  const options = activityOptions({
    giveUpAfter,
    mayAppear: file.appearsWithin !== undefined,
    summary: shortPath(file.runtimePath),
  });
  const { collectRuntimeFile, verifyCollectedFiles } = proxyActivities<BctrlActivities>(options);
  const key = collectionKey();
  const { unverified, ...collected } = await collectRuntimeFile({ ...file, ...key });
  if (!unverified) return collected;

  const identity = fileIdentity(file);
  const { runtimeId } = file;
  const { collectionKey: prefix } = key;
  const { files } = await verifyCollectedFiles({
    runtimeId,
    collectionKey: prefix,
    collected: [identity],
    failed: [],
  });
  const found = files[identity];
  return { ...collected, ...(found && { duplicateIds: idsBeside(collected.id, found) }) };
}
