import { proxyActivities } from '@temporalio/workflow';
import type { BctrlActivities } from '../activities/create-activities.js';
import type { ParsedPipelineInput } from '../shared/pipeline-input.js';
import type { ExportArchiveOutcome, SkippedStep, StopRuntimeOutcome } from '../shared/pipeline-report.js';
import { toProblem } from './activity-failure.js';
import { activityOptions } from './activity-options.js';
import { collectionKey } from './collection-key.js';
import type { PipelineState } from './pipeline-state.js';
import { startWorkflow } from './start-workflow.js';

const activities = proxyActivities<BctrlActivities>(activityOptions());

/** Finds the run that is exported later: the API names it only while the runtime is active. */
export async function resolveRunId(pipeline: PipelineState): Promise<void> {
  const { runtimeId, exportArchive } = pipeline.input;
  if (exportArchive === undefined || pipeline.runId !== undefined) return;
  if (pipeline.skipReason !== undefined) return;
  const options = activityOptions(pipeline.optionsFor('find the run'));
  try {
    const activityInput = { runtimeId, ...pipeline.accountInput };
    pipeline.runId = await activities.getActiveRun.executeWithOptions(options, [activityInput]);
  } catch (error) {
    pipeline.exportArchive = { outcome: 'failed', ...toProblem('the run of the runtime', error) };
  }
}

/** Makes a zip of the run's files if any were collected. */
export async function exportArchive(pipeline: PipelineState): Promise<void> {
  const { exportArchive: request } = pipeline.input;
  if (request !== undefined) pipeline.exportArchive = await runExport(pipeline, request);
}

async function runExport(
  pipeline: PipelineState,
  request: NonNullable<ParsedPipelineInput['exportArchive']>,
): Promise<ExportArchiveOutcome> {
  const { runId, files } = pipeline;
  if (files.counts.collected + files.counts.kept === 0) return skipped('no file was collected');
  if (runId === undefined) return pipeline.exportArchive ?? skipped('the run is unknown');
  const { collectionKey: idempotencyKey } = collectionKey('archive');
  const options = activityOptions(pipeline.optionsFor('export the archive'));
  try {
    const activityInput = { ...request, runId, idempotencyKey, ...pipeline.accountInput };
    const { id, path, sizeBytes } = await activities.exportRunFiles.executeWithOptions(options, [
      activityInput,
    ]);
    return {
      outcome: 'exported',
      fileId: id,
      ...(path !== undefined && { path }),
      ...(sizeBytes !== undefined && { sizeBytes }),
    };
  } catch (error) {
    return { outcome: 'failed', ...toProblem('the archive', error) };
  }
}

/** Stops the runtime as the input asks. */
export async function stopRuntime(pipeline: PipelineState): Promise<void> {
  const { stopRuntime: when = 'never' } = pipeline.input;
  if (when === 'never') return;
  // Files that are not collected would be lost with the runtime.
  const isWanted = when === 'always' || pipeline.outcome === 'succeeded';
  pipeline.stopRuntime = isWanted ? await runStop(pipeline) : skippedBy(pipeline);
}

async function runStop(pipeline: PipelineState): Promise<StopRuntimeOutcome> {
  const { runtimeId } = pipeline.input;
  const options = activityOptions(pipeline.optionsFor('stop the runtime'));
  try {
    await activities.stopRuntime.executeWithOptions(options, [{ runtimeId, ...pipeline.accountInput }]);
    return { outcome: 'stopped' };
  } catch (error) {
    // Set first: if the pipeline is cancelled here, toProblem rethrows, and the report keeps this outcome.
    pipeline.stopRuntime = skipped('cancelled while stopping; the runtime may have been stopped');
    return { outcome: 'failed', ...toProblem('the runtime', error) };
  }
}

/** Starts the next workflow with the report if the pipeline succeeded. It outlives the pipeline. */
export async function startNext(pipeline: PipelineState): Promise<void> {
  const { next } = pipeline.input;
  if (next === undefined) return;
  if (pipeline.outcome !== 'succeeded') {
    pipeline.next = skippedBy(pipeline);
    return;
  }
  // A reset or a retry of this pipeline has the same key, so that it does not start the workflow again.
  const { collectionKey: key } = collectionKey('next');
  pipeline.next = await startWorkflow(next, { key, hashedPrefix: 'post-run-next' }, pipeline.report);
}

/** Marks the steps that a cancelled pipeline did not reach as skipped. */
export function markStepsSkipped(pipeline: PipelineState): void {
  const { exportArchive, stopRuntime: when = 'never', next } = pipeline.input;
  if (exportArchive !== undefined) pipeline.exportArchive ??= skippedBy(pipeline);
  if (when !== 'never') pipeline.stopRuntime ??= skippedBy(pipeline);
  if (next !== undefined) pipeline.next ??= skippedBy(pipeline);
}

function skippedBy({ outcome }: PipelineState): SkippedStep {
  return skipped(`the pipeline ends as ${outcome}`);
}

function skipped(reason: string): SkippedStep {
  return { outcome: 'skipped', reason };
}
