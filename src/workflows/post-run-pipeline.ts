import { ApplicationFailure, CancellationScope, isCancellation } from '@temporalio/workflow';
import { PIPELINE_FAILED } from '../shared/names.js';
import type { PipelineInput } from '../shared/pipeline-input.js';
import type { PipelineReport } from '../shared/pipeline-report.js';
import { collectFiles, continueInNewRun } from './collect-files.js';
import { describeFailure } from './describe-failure.js';
import { exportArchive, findRun, skipSteps, startNext, stopRuntime } from './finish.js';
import { hold } from './hold.js';
import { takeMessages } from './messages.js';
import { beginPipeline, type HandedOn, type PipelineState } from './pipeline-state.js';
import { together } from './together.js';
import { verifyFiles } from './verify-files.js';
import { waitForJobs } from './wait-for-jobs.js';

/**
 * Waits for the jobs of a runtime, collects the files that they left, and finishes as asked. A file that finally fails
 * does not stop the others.
 *
 * @param handedOn what an earlier run of this workflow has left; nobody else passes it
 * @throws ApplicationFailure `PipelineFailed` with the {@link PipelineReport} in `details[0]` when something that was
 *   asked for is not there; `invalid_input`, naming the field, for a wrong input
 */
export async function postRunPipeline(input: PipelineInput, handedOn?: HandedOn): Promise<PipelineReport> {
  const pipeline = beginPipeline(input, handedOn);
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
    await together(findRun(pipeline), collectFiles(pipeline));
    await continueInNewRun(pipeline);
    if (!pipeline.hasFilesToCollect) await verifyFiles(pipeline);
  } while (pipeline.hasFilesToCollect || (mustBeHeld(pipeline) && (await hold(pipeline))));

  pipeline.files.skipRest(pipeline.reasonToLeaveFiles ?? 'the pipeline was abandoned');
  pipeline.enter('finishing');
  await exportArchive(pipeline);
  await stopRuntime(pipeline);
  await startNext(pipeline);
  pipeline.enter('done');
}

function mustBeHeld({ isIncomplete, input }: PipelineState): boolean {
  return isIncomplete && input.onFailure === 'hold';
}

/** The report stays in the details and in the answer of the query. */
async function cleanUp(pipeline: PipelineState): Promise<void> {
  pipeline.isCancelled = true;
  pipeline.files.skipRest('the pipeline was cancelled');
  pipeline.enter('finishing');
  if (pipeline.input.stopRuntime === 'always') await stopRuntime(pipeline);
  skipSteps(pipeline);
  pipeline.enter('done');
}
