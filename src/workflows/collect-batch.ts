import { CancelledFailure, proxyActivities, TimeoutFailure } from '@temporalio/workflow';
import { z } from 'zod';
import type { BctrlActivities } from '../activities/create-activities.js';
import { isMissingFile } from '../shared/collect.js';
import { type CollectOutcome, leftFileSchema, toPresentFile } from '../shared/collect-outcome.js';
import { formatCount } from '../shared/format-count.js';
import { shortPath } from '../shared/one-line.js';
import type { PipelineFile } from '../shared/pipeline-input.js';
import { activityOptions, batchOptions } from './bctrl-activities.js';
import { collectionKey } from './collection-key.js';
import type { SettledOutcome } from './file-entry.js';
import type { OpenFile } from './file-list.js';
import type { PipelineState } from './pipeline-state.js';
import { LISTED_FILES } from './select-listed.js';
import { toProblem } from './to-problem.js';

const { collectRuntimeFile } = proxyActivities<BctrlActivities>(activityOptions());
const { collectRuntimeFiles } = proxyActivities<BctrlActivities>(batchOptions());

/** Collects one file, with an activity that has its path for a summary. */
export async function collectFile(pipeline: PipelineState, open: OpenFile): Promise<void> {
  const subject = shortPath(open.file.runtimePath);
  const options = activityOptions({
    ...pipeline.activityOptions(subject),
    mayAppear: open.file.appearsWithin !== undefined,
  });
  const task = { ...toRequest(open), ...keyOf(pipeline, [open], open.identity) };
  let outcome: CollectOutcome;
  try {
    outcome = toPresentFile(await collectRuntimeFile.executeWithOptions(options, [task]));
  } catch (error) {
    outcome = { outcome: 'failed', ...toProblem(subject, error) };
  }
  pipeline.files.settle(open, toFileOutcome(open.file, outcome));
}

/** Collects many files with one activity. */
export async function collectBatch(pipeline: PipelineState, batch: readonly OpenFile[]): Promise<void> {
  const subject = describeBatch(batch, pipeline.files.counts.files);
  const options = batchOptions(pipeline.activityOptions(subject));
  const settle = (outcomes: readonly (CollectOutcome | undefined)[]) => {
    for (const [index, outcome] of outcomes.entries()) {
      const open = batch[index];
      if (open && outcome) pipeline.files.settle(open, toFileOutcome(open.file, outcome));
    }
  };
  const brief = batch.every(({ number }) => number > LISTED_FILES);
  const task = { files: batch.map(toRequest), brief, ...keyOf(pipeline, batch) };
  try {
    settle(await collectRuntimeFiles.executeWithOptions(options, [task]));
  } catch (error) {
    settle(outcomesOf(error));
    const problem = toProblem(subject, error);
    settle(batch.map(() => ({ outcome: 'failed', ...problem })));
  }
}

function toRequest({ file: { ifMissing: _, ...request } }: OpenFile) {
  return request;
}

/** @param place of a file that is collected alone */
function keyOf({ input, mayRepeat }: PipelineState, files: readonly OpenFile[], place?: string) {
  const lookFirst = mayRepeat || files.some(({ tried }) => tried);
  return { ...collectionKey(place, input.rerunOf), runtimeId: input.runtimeId, lookFirst };
}

/** As in `files 101–200 of 3,000`; of files that do not follow each other it is `80 of the files 101–200 of 3,000`. */
function describeBatch(batch: readonly OpenFile[], total: number): string {
  const numbers = batch.map(({ number }) => number);
  const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
  const range = `files ${formatCount(first)}–${formatCount(last)} of ${formatCount(total)}`;
  return batch.length === last - first + 1 ? range : `${formatCount(batch.length)} of the ${range}`;
}

const recordSchema = z.object({ files: z.array(leftFileSchema) });
const heartbeatSchema = z.object({ left: recordSchema });

/** What a batch had reached that was cancelled or ran out of time. */
function outcomesOf(error: unknown): (CollectOutcome | undefined)[] {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const record =
      cause instanceof CancelledFailure
        ? recordSchema.safeParse(cause.details?.[0]).data
        : cause instanceof TimeoutFailure && heartbeatSchema.safeParse(cause.lastHeartbeatDetails).data?.left;
    if (record) return record.files.map(({ outcome }) => outcome);
  }
  return [];
}

/** A missing file is no failure if the pipeline may be without it. */
function toFileOutcome(
  { runtimePath, ifMissing = 'fail' }: PipelineFile,
  outcome: CollectOutcome,
): SettledOutcome {
  if (outcome.outcome !== 'failed' || ifMissing === 'fail' || !isMissingFile(outcome)) {
    return { ...outcome, runtimePath };
  }
  return { ...outcome, outcome: 'missing', runtimePath, ifMissing };
}
