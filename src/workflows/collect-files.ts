import { condition, continueAsNew, workflowInfo } from '@temporalio/workflow';
import type { ParsedPipelineInput } from '../shared/pipeline-input.js';
import { collectBatch, collectFile } from './collect-batch.js';
import type { OpenFile } from './file-list.js';
import type { HandedOn, PipelineState } from './pipeline-state.js';

/** So many files at most have an activity each, all at the same time: enough to keep a worker busy, few enough to be read in the UI. */
const MAXIMUM_SINGLE_FILES = 20;

/** A batch is large enough that an activity costs little beside its requests, and there are enough of them to see progress. */
const SMALLEST_BATCH = 100;
const BATCHES = 20;

/**
 * Collects the open files, and those that are added meanwhile. One that finally fails does not stop the others. What
 * does not fit into the history of this run is left open.
 */
export async function collectFiles(pipeline: PipelineState): Promise<void> {
  if (pipeline.reasonToLeaveFiles !== undefined) return;
  pipeline.enter('collecting');
  await collectOpenFiles(pipeline);
}

/** Leaves the files that are open to a new run, when the history of this one is full. */
export async function continueInNewRun(pipeline: PipelineState): Promise<void> {
  if (!pipeline.hasFilesToCollect || !workflowInfo().continueAsNewSuggested) return;
  const input = { ...pipeline.input, files: [] };
  type NextRun = (input: ParsedPipelineInput, handedOn: HandedOn) => Promise<never>;
  await continueAsNew<NextRun>(input, pipeline.handOn());
}

async function collectOpenFiles(pipeline: PipelineState): Promise<void> {
  const { files, input } = pipeline;
  const areFew = () => files.counts.files <= MAXIMUM_SINGLE_FILES;
  const underWay: Promise<void>[] = [];
  let busy = 0;
  let thrown: unknown;
  const hasLane = () => busy < (areFew() ? MAXIMUM_SINGLE_FILES : input.concurrency);
  const goesOn = () => files.hasOpen && thrown === undefined && !workflowInfo().continueAsNewSuggested;

  const begin = async (taken: OpenFile[]) => {
    busy += 1;
    try {
      const [first, ...others] = taken;
      if (first && others.length === 0) await collectFile(pipeline, first);
      else await collectBatch(pipeline, taken);
    } catch (error) {
      thrown ??= error;
    }
    busy -= 1;
    pipeline.show();
  };
  try {
    for (;;) {
      // Files may be added as long as others are under way.
      await condition(() => busy === 0 || (hasLane() && goesOn()));
      if (!goesOn()) break;
      underWay.push(begin(files.take(areFew() ? 1 : batchSizeOf(pipeline))));
    }
  } finally {
    // Of a cancelled pipeline too: what its requests have done is for the report.
    await Promise.all(underWay);
  }
  if (thrown !== undefined) throw thrown;
}

function batchSizeOf({ input, files }: PipelineState): number {
  return input.batchSize ?? Math.max(SMALLEST_BATCH, Math.ceil(files.counts.files / BATCHES));
}
