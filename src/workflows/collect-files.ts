import { condition, continueAsNew, workflowInfo } from '@temporalio/workflow';
import type { ParsedPipelineInput } from '../shared/pipeline-input.js';
import { collectBatch, collectSingleFile } from './collect-batch.js';
import type { PendingFile } from './file-list.js';
import type { ContinueAsNewState, PipelineState } from './pipeline-state.js';

/** So many files at most have an activity each, all at the same time: enough to keep a worker busy, few enough to be read in the UI. */
const MAX_SINGLE_FILES = 20;

/** A batch is large enough that an activity costs little beside its requests, and there are enough of them to see progress. */
const MIN_BATCH_SIZE = 100;
const TARGET_BATCHES = 20;

/**
 * Collects the open files, and those that are added meanwhile. One that finally fails does not stop the others. What
 * does not fit into the history of this run is left open.
 */
export async function collectFiles(pipeline: PipelineState): Promise<void> {
  if (pipeline.skipReason !== undefined) return;
  pipeline.setPhase('collecting');
  await collectPendingFiles(pipeline);
}

/** Leaves the files that are open to a new run, when the history of this one is full. */
export async function continueAsNewIfSuggested(pipeline: PipelineState): Promise<void> {
  if (!pipeline.hasFilesToCollect || !workflowInfo().continueAsNewSuggested) return;
  const input = { ...pipeline.input, files: [] };
  type NextRun = (input: ParsedPipelineInput, previousState: ContinueAsNewState) => Promise<never>;
  await continueAsNew<NextRun>(input, pipeline.toContinueAsNewState());
}

async function collectPendingFiles(pipeline: PipelineState): Promise<void> {
  const { files, input } = pipeline;
  const useSingleActivities = () => files.counts.files <= MAX_SINGLE_FILES;
  const running: Promise<void>[] = [];
  let inFlight = 0;
  let thrown: unknown;
  const hasCapacity = () => inFlight < (useSingleActivities() ? MAX_SINGLE_FILES : input.concurrency);
  const canSchedule = () =>
    files.hasPending && thrown === undefined && !workflowInfo().continueAsNewSuggested;

  const begin = async (taken: PendingFile[]) => {
    inFlight += 1;
    try {
      const [first, ...others] = taken;
      if (first && others.length === 0) await collectSingleFile(pipeline, first);
      else await collectBatch(pipeline, taken);
    } catch (error) {
      thrown ??= error;
    }
    inFlight -= 1;
    pipeline.updateCurrentDetails();
  };
  try {
    for (;;) {
      // Files may be added as long as others are under way.
      await condition(() => inFlight === 0 || (hasCapacity() && canSchedule()));
      if (!canSchedule()) break;
      running.push(begin(files.takeNext(useSingleActivities() ? 1 : batchSizeOf(pipeline))));
    }
  } finally {
    // Of a cancelled pipeline too: what its requests have done is for the report.
    await Promise.all(running);
  }
  if (thrown !== undefined) throw thrown;
}

function batchSizeOf({ input, files }: PipelineState): number {
  return input.batchSize ?? Math.max(MIN_BATCH_SIZE, Math.ceil(files.counts.files / TARGET_BATCHES));
}
