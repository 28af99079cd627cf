import {
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  makeContinueAsNewFunc,
  workflowInfo,
} from '@temporalio/workflow';
import { PIPELINE_FAILED } from '../shared/names.js';
import type { PipelineInput } from '../shared/pipeline-input.js';
import type { PipelineReport } from '../shared/pipeline-report.js';
import { collectFiles } from './collect-files.js';
import { exportArchive, markStepsSkipped, resolveRunId, startNext, stopRuntime } from './finish.js';
import { hold, shouldHold } from './hold.js';
import { registerHandlers } from './message-handlers.js';
import { tellClosed } from './on-close.js';
import { createPipelineState, type PipelineState } from './pipeline-state.js';
import { describeFailure } from './temporal-ui.js';
import { verifyFiles } from './verify-files.js';
import { waitForJobs } from './wait-for-jobs.js';

/**
 * Waits for the jobs of a runtime, collects the files that they left, and finishes as the input asks. A file that fails does not
 * stop the others.
 *
 * @param previousState set by an earlier run of this workflow that continued as new; clients leave it out
 * @throws ApplicationFailure `PipelineFailed`, with the {@link PipelineReport} in `details[0]`, if the pipeline did not get all
 *   that was asked for; `invalid_input`, naming the field, for a wrong input
 */
export async function postRunPipeline(
  input: PipelineInput,
  previousState?: unknown,
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

/** The SDK takes a stack trace of each promise, which is most of what a small pipeline costs its worker: make few. */
async function run(pipeline: PipelineState): Promise<void> {
  do {
    await waitForJobs(pipeline);
    if (pipeline.input.exportArchive === undefined) await collectFiles(pipeline);
    else await allSettledOrThrow(resolveRunId(pipeline), collectFiles(pipeline));
    if (pipeline.hasFilesToCollect && workflowInfo().continueAsNewSuggested) await startNewRun(pipeline);
    if (!pipeline.hasFilesToCollect) await verifyFiles(pipeline);
  } while (pipeline.hasFilesToCollect || (shouldHold(pipeline) && (await holdUntilResumed(pipeline))));

  pipeline.files.skipRemaining(pipeline.skipReason ?? 'the pipeline was abandoned');
  pipeline.setPhase('finishing');
  await exportArchive(pipeline);
  await stopRuntime(pipeline);
  await startNext(pipeline);
  pipeline.setPhase('done');
  await tellClosed(pipeline);
}

/** Waits for all steps, even if one fails: a workflow must not clean up, or close, while another still runs. */
async function allSettledOrThrow(...steps: Promise<void>[]): Promise<void> {
  for (const step of await Promise.allSettled(steps)) if (step.status === 'rejected') throw step.reason;
}

/** Returns `false` for a pipeline that was abandoned. A pinned pipeline is resumed on the version that is current then. */
async function holdUntilResumed(pipeline: PipelineState): Promise<boolean> {
  const isResumed = await hold(pipeline);
  if (isResumed && workflowInfo().targetWorkerDeploymentVersionChanged) await startNewRun(pipeline);
  return isResumed;
}

/** Leaves the rest to a new run, which has an empty history and starts on the current version of a versioned worker. */
async function startNewRun(pipeline: PipelineState): Promise<never> {
  const input = { ...pipeline.input, files: [] };
  const options = { initialVersioningBehavior: 'AUTO_UPGRADE' } as const;
  return await makeContinueAsNewFunc<typeof postRunPipeline>(options)(input, pipeline.toContinueAsNewState());
}

/** Finishes a cancelled pipeline. Its report stays in the current details and in the query `progress`. */
async function cleanUp(pipeline: PipelineState): Promise<void> {
  pipeline.isCancelled = true;
  pipeline.files.skipRemaining('the pipeline was cancelled');
  pipeline.setPhase('finishing');
  if (pipeline.input.stopRuntime === 'always') await stopRuntime(pipeline);
  markStepsSkipped(pipeline);
  pipeline.setPhase('done');
  await tellClosed(pipeline);
}
