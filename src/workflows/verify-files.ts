import { proxyActivities } from '@temporalio/workflow';
import type { BctrlActivities } from '../activities/create-activities.js';
import { formatCount } from '../shared/format-count.js';
import { activityOptions } from './bctrl-activities.js';
import { collectionKey } from './collection-key.js';
import type { PipelineState } from './pipeline-state.js';
import { toProblem } from './to-problem.js';

const { verifyCollectedFiles } = proxyActivities<BctrlActivities>(activityOptions());

/** A pipeline whose files are all there does not wait for hours to learn that none is there twice. */
export const VERIFY_GIVE_UP_AFTER = '10m';

/**
 * Looks once more for files of which a request had an unclear outcome: one that is there twice is reported, and one that failed
 * and is there all the same is collected.
 */
export async function verifyFiles(pipeline: PipelineState): Promise<void> {
  const { files, input } = pipeline;
  const { collected, failed } = files.inDoubt;
  const count = collected.length + failed.length;
  if (count === 0) return;
  const [what, they] = count === 1 ? ['a file', 'it'] : [`${formatCount(count)} files`, 'they'];
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
    files.warn(`${what} may be there more than once, or although ${they} failed: ${message}`);
  }
  pipeline.show();
}
