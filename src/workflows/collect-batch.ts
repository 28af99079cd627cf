import {
  type ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  proxyActivities,
  TimeoutFailure,
} from '@temporalio/workflow';
import type { BctrlActivities } from '../activities/create-activities.js';
import { isMissingFile } from '../shared/collect.js';
import { type CollectOutcome, toStoredFileRef } from '../shared/collect-outcome.js';
import { formatCount } from '../shared/format-count.js';
import { collectCheckpointSchema, heartbeatDetailsSchema } from '../shared/heartbeat-details.js';
import type { PipelineFile } from '../shared/pipeline-input.js';
import { isReasonClass } from '../shared/reason-class.js';
import { truncatePath } from '../shared/truncate-line.js';
import { activityOptions, batchActivityOptions } from './activity-options.js';
import { collectionKey } from './collection-key.js';
import type { FileResult } from './file-entry.js';
import type { PendingFile } from './file-list.js';
import type { PipelineState } from './pipeline-state.js';
import { MAX_REPORTED_FILES } from './select-reported.js';
import { toProblem } from './to-problem.js';

const { collectRuntimeFile } = proxyActivities<BctrlActivities>(activityOptions());
const { collectRuntimeFiles } = proxyActivities<BctrlActivities>(batchActivityOptions());

/** Collects one file, with an activity that has its path for a summary. */
export async function collectSingleFile(pipeline: PipelineState, open: PendingFile): Promise<void> {
  const subject = truncatePath(open.file.runtimePath);
  const options = activityOptions({
    ...pipeline.activityOptions(subject),
    mayAppear: open.file.appearsWithin !== undefined,
  });
  const task = { ...toRequest(open), ...toKeyInput(pipeline, [open]) };
  let outcome: CollectOutcome;
  try {
    outcome = toStoredFileRef(await collectRuntimeFile.executeWithOptions(options, [task]));
  } catch (error) {
    outcome = toFailedOutcome(subject, error);
  }
  pipeline.files.setOutcome(open, toFileOutcome(open.file, outcome));
}

/** Collects many files with one activity. */
export async function collectBatch(pipeline: PipelineState, batch: readonly PendingFile[]): Promise<void> {
  const subject = describeBatch(batch, pipeline.files.counts.files);
  const options = batchActivityOptions(pipeline.activityOptions(subject));
  const settle = (outcomes: readonly (CollectOutcome | undefined)[]) => {
    for (const [index, outcome] of outcomes.entries()) {
      const open = batch[index];
      if (open && outcome) pipeline.files.setOutcome(open, toFileOutcome(open.file, outcome));
    }
  };
  const brief = batch.every(({ position }) => position > MAX_REPORTED_FILES);
  const task = { files: batch.map(toRequest), brief, ...toKeyInput(pipeline, batch) };
  try {
    settle(await collectRuntimeFiles.executeWithOptions(options, [task]));
  } catch (error) {
    settle(outcomesFromFailure(error));
    const failed = toFailedOutcome(subject, error);
    settle(batch.map(() => failed));
  }
}

function toRequest({ file: { ifMissing: _, ...request } }: PendingFile) {
  return request;
}

function toKeyInput({ input, mustCheckExisting }: PipelineState, files: readonly PendingFile[]) {
  const checkExistingFirst = mustCheckExisting || files.some(({ attempted }) => attempted);
  return { ...collectionKey(undefined, input.rerunOf), runtimeId: input.runtimeId, checkExistingFirst };
}

/** As in `files 101–200 of 3,000`; of files that do not follow each other it is `80 of the files 101–200 of 3,000`. */
function describeBatch(batch: readonly PendingFile[], total: number): string {
  const numbers = batch.map(({ position }) => position);
  const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
  const range = `files ${formatCount(first)}–${formatCount(last)} of ${formatCount(total)}`;
  return batch.length === last - first + 1 ? range : `${formatCount(batch.length)} of the ${range}`;
}

/** An attempt that was cut off may have made what it was at: it ran out of time, or its worker stopped or was lost. */
function toFailedOutcome(subject: string, error: unknown): CollectOutcome {
  const problem = toProblem(subject, error);
  const { cause } = error as ActivityFailure;
  const isCutOff = !(cause instanceof ApplicationFailure && isReasonClass(cause.type));
  return { outcome: 'failed', ...problem, ...(isCutOff && { unverified: true }) };
}

/** The outcomes of a batch that was cancelled or ran out of time. */
function outcomesFromFailure(error: unknown): (CollectOutcome | undefined)[] {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const checkpoint =
      cause instanceof CancelledFailure
        ? cause.details?.[0]
        : cause instanceof TimeoutFailure &&
          heartbeatDetailsSchema.safeParse(cause.lastHeartbeatDetails).data?.checkpoint;
    const parsed = collectCheckpointSchema.safeParse(checkpoint);
    if (parsed.success) return parsed.data.files.map(({ outcome }) => outcome);
  }
  return [];
}

/** A missing file is no failure if the pipeline may be without it. */
function toFileOutcome(
  { runtimePath, ifMissing = 'fail' }: PipelineFile,
  outcome: CollectOutcome,
): FileResult {
  if (outcome.outcome !== 'failed' || ifMissing === 'fail' || !isMissingFile(outcome)) {
    return { ...outcome, runtimePath };
  }
  return { ...outcome, outcome: 'missing', runtimePath, ifMissing };
}
