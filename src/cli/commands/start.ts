import { stringify } from 'yaml';
import {
  type StartedPipeline,
  type StartPipelineOptions,
  startPipeline,
} from '../../client/start-pipeline.js';
import { toPipelineWorkflowId } from '../../client/workflow-id.js';
import { readStarterConfig } from '../../config.js';
import { type ExitCode, ExitError, exitCodes } from '../../exit.js';
import { POST_RUN_PIPELINE } from '../../shared/names.js';
import type { ParsedPipelineInput } from '../../shared/pipeline-input.js';
import { type PipelineOptions, toPipelineInput } from '../input/pipeline-input.js';
import { type Io, writeJson } from '../io.js';
import { type Session, uiLink, withTemporal } from '../temporal/session.js';
import { announceStart } from './announce-start.js';
import { type WaitCommandOptions, waitAndPrint } from './wait-and-print.js';

/** Options of `start` and `rerun`. */
export interface StartOptions extends WaitCommandOptions {
  readonly wait?: boolean;
  readonly dryRun?: boolean;
}

/** A pipeline, and how to start it. Its task queue is by default that of the configuration. */
export interface PipelineToStart extends StartPipelineOptions {
  readonly input: ParsedPipelineInput;
  readonly workflowId: string;
}

/** `start`: starts a pipeline or attaches to it. A pipeline that has already ended is printed with its report. */
export async function startCommand(
  io: Io,
  runtimeId: string | undefined,
  paths: readonly string[],
  options: PipelineOptions & StartOptions & { readonly again?: boolean },
): Promise<ExitCode> {
  checkStartOptions(options);
  const input = await toPipelineInput(io, runtimeId, paths, options);
  const again = options.again ? 'always' : undefined;
  const pipeline = { input, workflowId: toPipelineWorkflowId(input), again } as const;
  if (options.dryRun) return await printDryRun(io, pipeline, options);
  return await withTemporal(io, (session) => startAndPrint(session, io, pipeline, options));
}

/** @throws ExitError `usage` for options that do not go together */
export function checkStartOptions({ timeout, exitOnHold, wait }: StartOptions): void {
  if (wait) return;
  if (timeout !== undefined) throw new ExitError(exitCodes.usage, '--timeout needs --wait');
  if (exitOnHold) throw new ExitError(exitCodes.usage, '--exit-on-hold needs --wait');
}

/** Starts a pipeline or attaches to it. With `--wait`, or if it has already ended, prints its report. */
export async function startAndPrint(
  session: Session,
  io: Io,
  { input, ...pipeline }: PipelineToStart,
  options: StartOptions,
): Promise<ExitCode> {
  const { client, config } = session;
  const started = await startPipeline(client, input, { taskQueue: config.taskQueue, ...pipeline });
  announceStart(session, io, started);
  if (!options.wait && started.isRunning) return printStarted(session, io, started, options);
  return await waitAndPrint(session, io, started.workflowHandle, { ...options, showProgress: true });
}

function printStarted(
  session: Session,
  io: Io,
  { workflowId, isNew }: StartedPipeline,
  { json }: StartOptions,
): ExitCode {
  if (json) writeJson(io, { workflowId, uiLink: uiLink(session, workflowId), status: 'running', isNew });
  else io.stdout.write(`${workflowId}\n`);
  return exitCodes.done;
}

/** Prints what would be started, and where. The YAML can be used as a spec. */
export async function printDryRun(
  io: Io,
  { workflowId, input, ...pipeline }: PipelineToStart,
  { json }: StartOptions,
): Promise<ExitCode> {
  const config = readStarterConfig(io.env);
  const { namespace, connectionOptions } = config.temporal;
  const taskQueue = pipeline.taskQueue ?? config.taskQueue;
  const plan = {
    workflowType: POST_RUN_PIPELINE,
    workflowId,
    taskQueue,
    namespace,
    address: connectionOptions.address,
  };
  if (json) {
    writeJson(io, { ...plan, input });
    return exitCodes.done;
  }
  const lines = Object.entries(plan).map(([name, value]) => `# ${name}: ${value}\n`);
  io.stdout.write(`# dry run: nothing was started\n${lines.join('')}${stringify(input)}`);
  return exitCodes.done;
}
