import { Exit, type ExitCode, exitCodes } from '../exit.js';
import type { Duration } from '../shared/duration.js';
import { POST_RUN_PIPELINE } from '../shared/names.js';
import { shortPath } from '../shared/one-line.js';
import { type ParsedPipelineInput, pipelineInputSchema } from '../shared/pipeline-input.js';
import { withTemporal } from './connect.js';
import { type Io, writeJson } from './io.js';
import { parseInput } from './parse-input.js';
import { type ShowOptions, showResult } from './show-result.js';
import { startWorkflow } from './start-workflow.js';
import { uiLink } from './ui-link.js';
import { pipelineWorkflowId } from './workflow-id.js';

export interface StartCommandOptions extends ShowOptions {
  readonly invocation: string[];
  readonly giveUpAfter?: Duration;
  readonly again?: boolean | undefined;
  readonly wait?: boolean;
}

/** Jobs and files that the details in the UI list at most, which stays under the 20,000 bytes they may have. */
const LISTED = 20;

/** `start`: starts a pipeline or attaches to it; one that has ended is shown with its report. */
export async function startCommand(
  io: Io,
  runtimeId: string,
  paths: readonly string[],
  options: StartCommandOptions,
): Promise<ExitCode> {
  if (options.timeout !== undefined && !options.wait) {
    throw new Exit(exitCodes.usage, '--timeout needs --wait');
  }
  const input = parseInput(pipelineInputSchema, {
    runtimeId,
    waitFor: options.invocation.length > 0 ? { invocationIds: options.invocation } : undefined,
    files: paths.map((runtimePath) => ({ runtimePath })),
    giveUpAfter: options.giveUpAfter,
  });
  return await withTemporal(async (session) => {
    const { handle, isRunning } = await startWorkflow(session, io, {
      workflowType: POST_RUN_PIPELINE,
      workflowId: pipelineWorkflowId(input),
      input,
      summary: `${input.files.length} files of runtime ${shortPath(runtimeId)}`,
      details: describeInput(input),
      again: options.again,
    });
    if (options.wait || !isRunning) return await showResult(session, io, handle, options);
    const { workflowId } = handle;
    if (options.json) {
      writeJson(io, { workflowId, uiLink: uiLink(session.config, workflowId), status: 'running' });
    } else {
      io.stdout.write(`${workflowId}\n`);
    }
    return exitCodes.done;
  });
}

function describeInput({ runtimeId, waitFor, files }: ParsedPipelineInput): string {
  const ids = waitFor?.invocationIds ?? [];
  const jobs = ids.length === 0 ? [] : ['', 'After the jobs', '', ...listShort(ids)];
  const paths = files.map(({ runtimePath }) => runtimePath);
  return [`Runtime \`${shortPath(runtimeId)}\``, ...jobs, '', 'Files', '', ...listShort(paths)].join('\n');
}

function listShort(names: readonly string[]): string[] {
  const listed = names.slice(0, LISTED).map((name) => `- \`${shortPath(name)}\``);
  const more = names.length - listed.length;
  return more > 0 ? [...listed, `- and ${more} more`] : listed;
}
