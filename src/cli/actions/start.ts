import type { ExitCode } from '../../exit.js';
import { type PipelineOptions, toPipelineInput } from '../input/pipeline-options.js';
import type { Io } from '../io.js';
import { withTemporal } from '../temporal/connect.js';
import { pipelineWorkflowId } from '../temporal/workflow-id.js';
import { checkStartOptions, type StartOptions, startPipeline, toPipeline } from './start-pipeline.js';

export interface StartCommandOptions extends PipelineOptions, StartOptions {
  readonly again?: boolean;
}

/** `start`: starts a pipeline or attaches to it; one that has ended is shown with its report. */
export async function startCommand(
  io: Io,
  runtimeId: string | undefined,
  paths: readonly string[],
  options: StartCommandOptions,
): Promise<ExitCode> {
  checkStartOptions(options);
  const input = await toPipelineInput(io, runtimeId, paths, options);
  const pipeline = toPipeline(input, pipelineWorkflowId(input), options.again ? 'always' : undefined);
  if (options.dryRun) return (await import('../show/show-plan.js')).printDryRun(io, pipeline, options);
  return await withTemporal((session) => startPipeline(session, io, pipeline, options));
}
