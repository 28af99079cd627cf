import { type ExitCode, ExitError, exitCodes } from '../../exit.js';
import { POST_RUN_PIPELINE } from '../../shared/names.js';
import type { ParsedPipelineInput } from '../../shared/pipeline-input.js';
import type { Io } from '../io.js';
import { printStarted } from '../show/show-started.js';
import { type ShowOptions, waitAndPrint } from '../show/wait-and-print.js';
import type { Session } from '../temporal/connect.js';
import { describePipeline } from '../temporal/describe-pipeline.js';
import { startWorkflow, type WorkflowToStart } from '../temporal/start-workflow.js';

/** Of the commands that start a pipeline. */
export interface StartOptions extends ShowOptions {
  readonly wait?: boolean;
  readonly dryRun?: boolean;
}

/** @throws Exit `usage` for options that do not go together */
export function checkStartOptions({ timeout, wait }: StartOptions): void {
  if (timeout !== undefined && !wait) throw new ExitError(exitCodes.usage, '--timeout needs --wait');
}

export function toPipeline(
  input: ParsedPipelineInput,
  workflowId: string,
  again: WorkflowToStart['again'],
): WorkflowToStart {
  return { ...describePipeline(input), workflowType: POST_RUN_PIPELINE, workflowId, input, again };
}

/** Starts a pipeline or attaches to it; one that is waited for, or has ended already, is shown with its report. */
export async function startPipeline(
  session: Session,
  io: Io,
  pipeline: WorkflowToStart,
  options: StartOptions,
): Promise<ExitCode> {
  const started = await startWorkflow(session, io, pipeline);
  if (!options.wait && started.isRunning) return printStarted(session, io, started, options);
  return await waitAndPrint(session, io, started, { ...options, showProgress: true });
}
