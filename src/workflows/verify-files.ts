import { proxyActivities } from '@temporalio/workflow';
import type { BctrlActivities } from '../activities/create-activities.js';
import { formatCount } from '../shared/format-count.js';
import { activityOptions } from './activity-options.js';
import { collectionKey } from './collection-key.js';
import type { PipelineState } from './pipeline-state.js';
import { toProblem } from './to-problem.js';

const { verifyCollectedFiles } = proxyActivities<BctrlActivities>(activityOptions());

/**
 * A pipeline whose files are all there does not wait for hours to learn that none is there twice; the look itself may wait 20
 * minutes for the listing.
 */
export const VERIFY_GIVE_UP_AFTER = '30m';

/**
 * Looks once more for files of which a request had an unclear outcome: one that is there twice is reported, and one that failed
 * and is there all the same is collected.
 */
export async function verifyFiles(pipeline: PipelineState): Promise<void> {
  const { files, input } = pipeline;
  const { collected, failed } = files.inDoubt;
  const count = collected.length + failed.length;
  if (count === 0) return;
  const [what, has] =
    count === 1
      ? ['1 file', 'it twice, or in spite of its failure']
      : [`${formatCount(count)} files`, 'them twice, or in spite of their failures'];
  const subject = `look again for ${what} with unclear outcomes`;
  const options = activityOptions({
    ...pipeline.activityOptions(subject),
    giveUpAfter: VERIFY_GIVE_UP_AFTER,
  });
  const { collectionKey: key } = collectionKey(undefined, input.rerunOf);
  try {
    const task = { runtimeId: input.runtimeId, collectionKey: key, collected, failed };
    files.setVerified(await verifyCollectedFiles.executeWithOptions(options, [task]));
  } catch (error) {
    const { message } = toProblem(subject, error);
    files.warn(`${what}: it is not known whether the API has ${has}; the last look failed: ${message}`);
  }
  pipeline.updateCurrentDetails();
}
