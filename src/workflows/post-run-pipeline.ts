import { ApplicationFailure, CancellationScope, isCancellation } from '@temporalio/workflow';
import { PIPELINE_FAILED } from '../shared/names.js';
import type { PipelineInput } from '../shared/pipeline-input.js';
import type { PipelineReport } from '../shared/pipeline-report.js';
import { allSettledOrThrow } from './all-settled-or-throw.js';
import { collectFiles, continueAsNewIfSuggested } from './collect-files.js';
import { describeFailure } from './describe-failure.js';
import { exportArchive, markStepsSkipped, resolveRunId, startNext, stopRuntime } from './finish.js';
import { hold } from './hold.js';
import { registerHandlers } from './message-handlers.js';
import { type ContinueAsNewState, createPipelineState, type PipelineState } from './pipeline-state.js';
import { verifyFiles } from './verify-files.js';
import { waitForJobs } from './wait-for-jobs.js';

/**
 * Waits for the jobs of a runtime, collects the files that they left, and finishes as asked. A file that finally fails
 * does not stop the others.
 *
 * @param previousState what an earlier run of this workflow has left; nobody else passes it
 * @throws ApplicationFailure `PipelineFailed` with the {@link PipelineReport} in `details[0]` when something that was
 *   asked for is not there; `invalid_input`, naming the field, for a wrong input
 */
export async function postRunPipeline(
  input: PipelineInput,
  previousState?: ContinueAsNewState,
): Promise<PipelineReport> {
  const pipeline = createPipelineState(input, previousState);
  registerHandlers(pipeline);
  try {
    await run(pipeline);
  } catch (error) {
    if (isCancellation(error)) await CancellationScope.nonCancellable(() => cleanUp(pipeline));
    throw error;
  }
  if (pipeline.outcome === 'succeeded' || pipeline.outcome === 'skipped') return pipeline.report;
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
    await allSettledOrThrow(resolveRunId(pipeline), collectFiles(pipeline));
    await continueAsNewIfSuggested(pipeline);
    if (!pipeline.hasFilesToCollect) await verifyFiles(pipeline);
  } while (pipeline.hasFilesToCollect || (shouldHold(pipeline) && (await hold(pipeline))));

  pipeline.files.skipRemaining(pipeline.skipReason ?? 'the pipeline was abandoned');
  pipeline.setPhase('finishing');
  await exportArchive(pipeline);
  await stopRuntime(pipeline);
  await startNext(pipeline);
  pipeline.setPhase('done');
}

function shouldHold({ isIncomplete, input }: PipelineState): boolean {
  return isIncomplete && input.onFailure === 'hold';
}

/** The report stays in the details and in the answer of the query. */
async function cleanUp(pipeline: PipelineState): Promise<void> {
  pipeline.isCancelled = true;
  pipeline.files.skipRemaining('the pipeline was cancelled');
  pipeline.setPhase('finishing');
  if (pipeline.input.stopRuntime === 'always') await stopRuntime(pipeline);
  markStepsSkipped(pipeline);
  pipeline.setPhase('done');
}
