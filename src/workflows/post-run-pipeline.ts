import { ApplicationFailure, CancellationScope, isCancellation } from '@temporalio/workflow';
import { PIPELINE_FAILED } from '../shared/names.js';
import { type PipelineInput, pipelineInputSchema } from '../shared/pipeline-input.js';
import type { PipelineReport } from '../shared/pipeline-report.js';
import { collectFiles } from './collect-files.js';
import { describeFailure } from './describe-failure.js';
import { exportArchive, startNext, stopRuntime } from './finish.js';
import { isResumed, takeMessages } from './messages.js';
import { parseWorkflowInput } from './parse-workflow-input.js';
import { PipelineState } from './pipeline-state.js';
import { waitForJobs } from './wait-for-jobs.js';

/**
 * Waits for the jobs of a runtime, collects the files that they left, and finishes as asked. A file that finally fails
 * does not stop the others.
 *
 * @throws ApplicationFailure `PipelineFailed` with the {@link PipelineReport} in `details[0]` when something that was
 *   asked for is not there; `invalid_input`, naming the field, for a wrong input
 */
export async function postRunPipeline(input: PipelineInput): Promise<PipelineReport> {
  const pipeline = new PipelineState(parseWorkflowInput(pipelineInputSchema, input));
  takeMessages(pipeline);
  try {
    await run(pipeline);
  } catch (error) {
    if (isCancellation(error)) await CancellationScope.nonCancellable(() => cleanUp(pipeline));
    throw error;
  }
  if (pipeline.ending === 'succeeded' || pipeline.ending === 'skipped') return pipeline.report;
  throw ApplicationFailure.create({
    message: describeFailure(pipeline.report),
    type: PIPELINE_FAILED,
    nonRetryable: true,
    details: [pipeline.report],
  });
}

async function run(pipeline: PipelineState): Promise<void> {
  do {
    await waitForJobs(pipeline);
    await collectFiles(pipeline);
  } while (isHeld(pipeline) && (await isResumed(pipeline)));

  pipeline.files.skipRest(pipeline.reasonToLeaveFiles ?? 'the pipeline was abandoned');
  pipeline.enter('finishing');
  await exportArchive(pipeline);
  await stopRuntime(pipeline);
  await startNext(pipeline);
  pipeline.enter('done');
}

function isHeld({ isIncomplete, input }: PipelineState): boolean {
  return isIncomplete && input.onFailure === 'hold';
}

/** The report stays in the details and in the answer of the query. */
async function cleanUp(pipeline: PipelineState): Promise<void> {
  pipeline.isCancelled = true;
  pipeline.files.skipRest('the pipeline was cancelled');
  pipeline.enter('finishing');
  await stopRuntime(pipeline);
  pipeline.enter('done');
}
