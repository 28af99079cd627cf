import type { WorkflowHandle } from '@temporalio/client';
import { type ExitCode, exitCodes } from '../../exit.js';
import type { PipelineProgress } from '../../shared/pipeline-report.js';
import { type Io, writeJson } from '../io.js';
import { createStyle, writeLines } from '../output/lines.js';
import { createProgressDisplay, LogDisplay, showProgress } from '../output/progress-display.js';
import { resultLines } from '../output/report-lines.js';
import { type Session, uiLink } from '../temporal/session.js';
import { type WaitResult, waitForResult } from '../temporal/wait-for-result.js';
import { readProgress } from '../temporal/workflow-snapshot.js';

/** Options of commands that wait for a workflow and print its result. */
export interface WaitCommandOptions {
  /** How long to wait at most, in milliseconds. */
  readonly timeout?: number | undefined;
  readonly json?: boolean | undefined;
  /** List every file of the report. */
  readonly all?: boolean | undefined;
}

/** Waits until a workflow ends, prints its result, and returns the exit code for it. */
export async function waitAndPrint(
  session: Session,
  io: Io,
  handle: WorkflowHandle,
  options: WaitCommandOptions & { readonly showProgress: boolean },
): Promise<ExitCode> {
  const { workflowId } = handle;
  const waited = await waitWithProgress(session, io, handle, options);
  // Only a worker knows the report of a pipeline that was cancelled or is still running.
  const isQueried = waited.status === 'cancelled' || waited.status === 'running';
  const progress = isQueried ? await readProgress(session, handle) : undefined;
  const result = isQueried ? progress : waited.result;
  const { status, failure } = waited;
  if (options.json)
    writeJson(io, { workflowId, uiLink: uiLink(session, workflowId), status, result, failure });
  else writeLines(io.stdout, resultLines(result, { output: io.stdout, all: options.all }));
  if (status === 'running') io.stderr.write(reattachHint(workflowId, waited, progress));
  if (failure)
    writeLines(io.stderr, [{ text: `${createStyle(io.stderr)('red', status)}: ${failure.message}` }]);
  return toExitCode(waited);
}

/** Waits until a workflow ends, with its progress on stderr. */
export async function waitWithProgress(
  session: Session,
  { stderr, interrupted }: Io,
  handle: WorkflowHandle,
  { timeout, ...options }: WaitCommandOptions & { readonly showProgress: boolean },
): Promise<WaitResult> {
  const display = options.showProgress ? await createProgressDisplay(stderr) : new LogDisplay(stderr);
  const stop = new AbortController();
  if (options.showProgress) showProgress(session, handle, display, stop.signal);
  try {
    const onOutage = (message: string) => display.log(message);
    return await waitForResult(session, handle, { timeoutMs: timeout, interrupted, onOutage });
  } finally {
    stop.abort();
    display.clear();
  }
}

function reattachHint(
  workflowId: string,
  { isInterrupted }: WaitResult,
  progress: PipelineProgress | undefined,
): string {
  const state = progress?.phase === 'held' ? 'Held' : 'Still running';
  const prefix = isInterrupted ? 'Interrupted. ' : '';
  return `${prefix}${state}. Reattach with: bctrl-temporal watch ${workflowId}\n`;
}

export function toExitCode({ status, failure, isInterrupted }: WaitResult): ExitCode {
  if (status === 'completed') return exitCodes.done;
  if (status === 'running') return isInterrupted ? exitCodes.interrupted : exitCodes.running;
  return failure?.type === 'invalid_input' ? exitCodes.usage : exitCodes.failed;
}
