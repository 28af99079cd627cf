import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { isMissingFile } from '../../shared/collect.js';
import { collectCheckpointSchema, heartbeatDetailsSchema } from '../../shared/heartbeat-details.js';
import type { PipelineProgress } from '../../shared/pipeline-report.js';
import { decodePayloads } from './decode-payloads.js';
import type { Session } from './session.js';

/** Activity types of a pipeline. */
const BATCH = 'collectRuntimeFiles';
const LAST_LOOKUP = 'verifyCollectedFiles';

/** Progress, with what the pipeline's own counts do not have yet. */
export interface ShownProgress extends PipelineProgress {
  /** What the pipeline does within its phase, where the phase alone would mislead. */
  readonly step?: string;
}

/**
 * Adds the files that running batches have finished, which the heartbeats of their activities name. A pipeline counts the files
 * of a batch when the batch ends.
 *
 * @param description of a moment after `progress`: a batch that runs then was not counted before
 */
export async function addRunningBatches(
  session: Session,
  progress: PipelineProgress,
  { raw: { pendingActivities } }: WorkflowExecutionDescription,
): Promise<ShownProgress> {
  const activities = pendingActivities ?? [];
  const batches = activities.filter(({ activityType }) => activityType?.name === BATCH);
  const counts = { ...progress.counts };
  let { bytes } = progress;
  for (const { heartbeatDetails } of batches) {
    for (const outcome of await readOutcomes(session, heartbeatDetails?.payloads)) {
      // The activity does not know whether a missing file is a failure.
      if (outcome.outcome === 'failed' && isMissingFile(outcome)) continue;
      counts[outcome.outcome] += 1;
      if (outcome.outcome === 'collected') bytes += outcome.sizeBytes ?? 0;
    }
  }
  const isLookup = activities.some(({ activityType }) => activityType?.name === LAST_LOOKUP);
  return { ...progress, counts, bytes, ...(isLookup && { step: 'checking for duplicates' }) };
}

/** The outcomes of a batch so far. What another version of the worker wrote may be unreadable: then there are none. */
async function readOutcomes(session: Session, payloads: readonly Payload[] | null | undefined) {
  const [first] = await decodePayloads(session, payloads);
  const details = heartbeatDetailsSchema.safeParse(first).data;
  const { files = [] } = collectCheckpointSchema.safeParse(details?.checkpoint).data ?? {};
  return files.flatMap(({ outcome }) => outcome ?? []);
}
