import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { proxyActivities, startChild, workflowInfo } from '@temporalio/workflow';
import type { BctrlActivities } from '../activities/create-activities.js';
import { isAtMostBytes } from '../shared/bounded-string.js';
import type { ParsedPipelineInput } from '../shared/pipeline-input.js';
import type {
  ExportArchiveOutcome,
  NextOutcome,
  SkippedStep,
  StopRuntimeOutcome,
} from '../shared/pipeline-report.js';
import { shortSha256 } from '../shared/short-sha256.js';
import { activityOptions } from './activity-options.js';
import { collectionKey } from './collection-key.js';
import type { PipelineState } from './pipeline-state.js';
import { toProblem } from './to-problem.js';

const activities = proxyActivities<BctrlActivities>(activityOptions());

const optionsOf = (pipeline: PipelineState, summary: string) =>
  activityOptions(pipeline.activityOptions(summary));

/** Temporal refuses longer ones, and with them the workflow task. */
const MAXIMUM_ID_BYTES = 1_000;

const skip = (reason: string): SkippedStep => ({ outcome: 'skipped', reason });

/** Notes the run that is exported later: the runtime has one only while it is active. */
export async function resolveRunId(pipeline: PipelineState): Promise<void> {
  const { runtimeId, exportArchive } = pipeline.input;
  if (exportArchive === undefined || pipeline.runId !== undefined) return;
  if (pipeline.skipReason !== undefined) return;
  const options = optionsOf(pipeline, 'find the run');
  try {
    pipeline.runId = await activities.getActiveRun.executeWithOptions(options, [{ runtimeId }]);
  } catch (error) {
    pipeline.exportArchive = { outcome: 'failed', ...toProblem('the run of the runtime', error) };
  }
}

/** A zip of the run's files, if any were collected. */
export async function exportArchive(pipeline: PipelineState): Promise<void> {
  if (pipeline.input.exportArchive === undefined) return;
  pipeline.exportArchive = await runExport(pipeline, pipeline.input.exportArchive);
}

async function runExport(
  pipeline: PipelineState,
  wanted: NonNullable<ParsedPipelineInput['exportArchive']>,
): Promise<ExportArchiveOutcome> {
  const { collected, kept } = pipeline.files.counts;
  if (collected + kept === 0) return skip('no file was collected');
  const { runId, exportArchive: earlier } = pipeline;
  if (runId === undefined) return earlier ?? skip('the run is not known');
  const { collectionKey: idempotencyKey } = collectionKey('archive');
  const options = optionsOf(pipeline, 'export the archive');
  try {
    const task = { ...wanted, runId, idempotencyKey };
    const { id, path, sizeBytes } = await activities.exportRunFiles.executeWithOptions(options, [task]);
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
  // What is not there yet would be lost with the runtime.
  const wanted = when === 'always' || pipeline.outcome === 'succeeded';
  pipeline.stopRuntime = wanted ? await runStop(pipeline) : skip(`the pipeline ends as ${pipeline.outcome}`);
}

async function runStop(pipeline: PipelineState): Promise<StopRuntimeOutcome> {
  const { runtimeId } = pipeline.input;
  const options = optionsOf(pipeline, 'stop the runtime');
  try {
    await activities.stopRuntime.executeWithOptions(options, [{ runtimeId }]);
    return { outcome: 'stopped' };
  } catch (error) {
    pipeline.stopRuntime = skip('cancelled on the way; it may have been stopped');
    return { outcome: 'failed', ...toProblem('the runtime', error) };
  }
}

/** Starts the next workflow with the report, when all went well; it lives on its own. */
export async function startNext(pipeline: PipelineState): Promise<void> {
  const { next } = pipeline.input;
  if (next === undefined) return;
  pipeline.next =
    pipeline.outcome === 'succeeded'
      ? await runStartNext(pipeline, next)
      : skip(`the pipeline ends as ${pipeline.outcome}`);
}

async function runStartNext(
  pipeline: PipelineState,
  {
    workflowType,
    taskQueue = workflowInfo().taskQueue,
  }: { workflowType: string; taskQueue?: string | undefined },
): Promise<NextOutcome> {
  // One id for all that repeats this pipeline, so that a reset does not start it again.
  const { collectionKey: key } = collectionKey('next');
  const workflowId = isAtMostBytes(key, MAXIMUM_ID_BYTES) ? key : `post-run-next/${shortSha256(key)}`;
  try {
    await startChild(workflowType, {
      workflowId,
      taskQueue,
      args: [pipeline.report],
      parentClosePolicy: 'ABANDON',
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  return { outcome: 'started', workflowId };
}

/** Says of the steps that a cancelled pipeline has not come to that it has not. */
export function markStepsSkipped(pipeline: PipelineState): void {
  const { exportArchive, stopRuntime: when = 'never', next } = pipeline.input;
  const skipped = skip(`the pipeline ends as ${pipeline.outcome}`);
  if (exportArchive !== undefined) pipeline.exportArchive ??= skipped;
  if (when !== 'never') pipeline.stopRuntime ??= skipped;
  if (next !== undefined) pipeline.next ??= skipped;
}
