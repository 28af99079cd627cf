import { Exit, type ExitCode, exitCodes } from '../../exit.js';
import { POST_RUN_PIPELINE } from '../../shared/names.js';
import { type PipelineOptions, toPipelineInput } from '../input/pipeline-options.js';
import type { Io } from '../io.js';
import { type ShowOptions, showEnding } from '../show/show-ending.js';
import { showStarted } from '../show/show-started.js';
import { withTemporal } from '../temporal/connect.js';
import { describePipeline } from '../temporal/describe-pipeline.js';
import { findPipeline } from '../temporal/find-workflow.js';
import { startWorkflow } from '../temporal/start-workflow.js';
import { pipelineWorkflowId } from '../temporal/workflow-id.js';

export interface StartCommandOptions extends PipelineOptions, ShowOptions {
  readonly again?: boolean;
  readonly wait?: boolean;
  readonly dryRun?: boolean;
}

/** `start`: starts a pipeline or attaches to it; one that has ended is shown with its report. */
export async function startCommand(
  io: Io,
  runtimeId: string | undefined,
  paths: readonly string[],
  options: StartCommandOptions,
): Promise<ExitCode> {
  if (options.timeout !== undefined && !options.wait) {
    throw new Exit(exitCodes.usage, '--timeout needs --wait');
  }
  const input = await toPipelineInput(io, runtimeId, paths, options);
  const workflow = {
    ...describePipeline(input),
    workflowType: POST_RUN_PIPELINE,
    workflowId: pipelineWorkflowId(input),
    input,
    again: options.again ? ('always' as const) : undefined,
  };
  if (options.dryRun) return (await import('../show/show-plan.js')).showPlan(io, workflow, options);
  return await withTemporal(async (session) => {
    const started = await startWorkflow(session, io, workflow);
    if (!options.wait && started.isRunning) return showStarted(session, io, started, options);
    const found = await findPipeline(session, workflow.workflowId);
    return await showEnding(session, io, found, { ...options, isShown: true });
  });
}
