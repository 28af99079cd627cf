import { proxyActivities } from '@temporalio/workflow';
import type { BctrlActivities } from '../activities/create-activities.js';
import { formatCountOf } from '../shared/display-text.js';
import { toProblem } from './activity-failure.js';
import { activityOptions } from './activity-options.js';
import { collectionKey } from './collection-key.js';
import type { PipelineState } from './pipeline-state.js';

const { verifyCollectedFiles } = proxyActivities<BctrlActivities>(activityOptions());

/** The lookup itself may wait 20 minutes for the listing. A pipeline that has all its files waits little longer for it. */
export const VERIFY_GIVE_UP_AFTER = '30m';

/**
 * Looks up the files that had a request with an unclear outcome. Duplicates are reported, and a failed file that exists all the
 * same is collected.
 */
export async function verifyFiles(pipeline: PipelineState): Promise<void> {
  const { files, input } = pipeline;
  const { collected, failed } = files.unverified;
  const count = collected.length + failed.length;
  if (count === 0) return;
  const subject = formatCountOf(count, 'file');
  const summary = `look once more for ${subject}`;
  const options = activityOptions({
    ...pipeline.optionsFor(summary),
    giveUpAfter: VERIFY_GIVE_UP_AFTER,
  });
  const { collectionKey: key } = collectionKey(undefined, input.rerunOf);
  const { runtimeId } = input;
  const activityInput = { runtimeId, collectionKey: key, collected, failed, ...pipeline.accountInput };
  try {
    files.setVerified(await verifyCollectedFiles.executeWithOptions(options, [activityInput]));
  } catch (error) {
    const { message } = toProblem(summary, error);
    files.warnings.add(
      `${subject} may exist twice, or despite a failure; the last lookup failed: ${message}`,
    );
  }
  pipeline.updateCurrentDetails();
}
