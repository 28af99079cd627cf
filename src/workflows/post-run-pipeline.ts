import {
  ActivityFailure,
  ApplicationFailure,
  defineQuery,
  isCancellation,
  proxyActivities,
  setHandler,
} from '@temporalio/workflow';
import type { BctrlActivities } from '../activities/create-activities.js';
import type { CollectedFile } from '../shared/collect.js';
import type { EndedInvocation } from '../shared/invocation.js';
import { PIPELINE_FAILED, PROGRESS_QUERY } from '../shared/names.js';
import { shortPath } from '../shared/one-line.js';
import {
  type CollectedOutcome,
  type FileOutcome,
  type PipelineFile,
  type PipelineInput,
  type PipelineProgress,
  type PipelineReport,
  pipelineInputSchema,
} from '../shared/pipeline.js';
import { collectOptions, waitOptions } from './bctrl-activities.js';
import { collectionKey } from './collection-key.js';
import { inWindow } from './in-window.js';
import { parseWorkflowInput } from './parse-workflow-input.js';
import { Progress } from './progress.js';
import { toFailedOutcome } from './to-failed-outcome.js';

/** Files collected at the same time: enough to keep a worker busy, few enough to be read in the UI. */
const WINDOW = 20;

/** What a pipeline is doing, at any time of its life and after it. */
export const progressQuery = defineQuery<PipelineProgress>(PROGRESS_QUERY);

const { collectRuntimeFile, waitForInvocation } = proxyActivities<BctrlActivities>(collectOptions());

/**
 * Waits for the jobs of a runtime and collects the files that they left. A file that finally fails does not stop the
 * others.
 *
 * @throws ApplicationFailure `PipelineFailed` with the {@link PipelineReport} in `details[0]` when a file failed;
 *   `invalid_input`, naming the field, for a wrong input
 */
export async function postRunPipeline(input: PipelineInput): Promise<PipelineReport> {
  const pipeline = parseWorkflowInput(pipelineInputSchema, input);
  const progress = new Progress(pipeline.files.length);
  setHandler(progressQuery, () => progress.snapshot);

  progress.enter('waiting');
  const jobs = await waitForJobs(pipeline);

  progress.enter('collecting');
  await inWindow(pipeline.files, WINDOW, async (file, index) => {
    progress.settle(index, await collect(pipeline, file, index));
  });

  progress.enter('done');
  return toReport(pipeline.runtimeId, jobs, progress);
}

async function waitForJobs({ runtimeId, waitFor }: PipelineInput): Promise<EndedInvocation[]> {
  if (waitFor === undefined) return [];
  const waits = waitFor.invocationIds.map((invocationId) => {
    const options = waitOptions(waitFor.timeout, `wait for ${shortPath(invocationId)}`);
    return waitForInvocation.executeWithOptions(options, [{ runtimeId, invocationId }]);
  });
  return await Promise.all(waits);
}

async function collect(pipeline: PipelineInput, file: PipelineFile, index: number): Promise<FileOutcome> {
  const options = collectOptions({
    giveUpAfter: pipeline.giveUpAfter,
    mayAppear: file.appearsWithin !== undefined,
    summary: shortPath(file.runtimePath),
  });
  const task = { ...file, runtimeId: pipeline.runtimeId, ...collectionKey(String(index)) };
  try {
    return toCollectedOutcome(file, await collectRuntimeFile.executeWithOptions(options, [task]));
  } catch (error) {
    // A fault of this workflow is no outcome of a file.
    if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
    return toFailedOutcome(file.runtimePath, error);
  }
}

function toCollectedOutcome({ runtimePath }: PipelineFile, file: CollectedFile): CollectedOutcome {
  const { id: fileId, path, sizeBytes, duplicateIds } = file;
  const outcome = file.kept ? 'kept' : 'collected';
  return { outcome, runtimePath, fileId, path, sizeBytes, ...(duplicateIds && { duplicateIds }) };
}

function toReport(runtimeId: string, jobs: EndedInvocation[], progress: Progress): PipelineReport {
  const { counts, bytes } = progress.snapshot;
  const report = { runtimeId, jobs, counts, bytes, files: progress.outcomes };
  if (counts.failed === 0) return report;
  const message = `${counts.failed} of ${counts.files} files could not be collected`;
  throw ApplicationFailure.create({
    message,
    type: PIPELINE_FAILED,
    nonRetryable: true,
    details: [report],
  });
}
