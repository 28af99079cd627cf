import type { WorkflowHandle } from '@temporalio/client';
import { type ExitCode, exitCodes } from '../../exit.js';
import { POST_RUN_PIPELINE } from '../../shared/names.js';
import type { PipelineProgress } from '../../shared/pipeline-report.js';
import { searchAttributes } from '../../shared/search-attributes.js';
import { type Io, writeJson } from '../io.js';
import { toCommand } from '../output/command.js';
import { createStyle, type Line, writeLines } from '../output/lines.js';
import { createProgressDisplay, LogDisplay, watchProgress } from '../output/progress-display.js';
import { isPipelineReport, resultLines } from '../output/report-lines.js';
import { nextStepAfterEnd, nextStepLine, nextStepOf } from '../output/status-text.js';
import { type Session, uiLink } from '../temporal/session.js';
import { type WaitResult, waitForResult } from '../temporal/wait-for-result.js';
import { readProgress, type WorkflowSnapshot } from '../temporal/workflow-snapshot.js';

/** Options of commands that wait for a workflow and print its result. */
export interface WaitCommandOptions {
  /** How long to wait at most, in milliseconds. */
  readonly timeout?: number | undefined;
  /** End the wait when the pipeline is held. */
  readonly exitOnHold?: boolean | undefined;
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
  if (options.json) {
    writeJson(io, { workflowId, uiLink: uiLink(session, workflowId), status, result, failure });
  } else writeLines(io.stdout, resultLines(result, { output: io.stdout, all: options.all }));
  if (status === 'running') {
    io.stderr.write(reattachHint(workflowId, waited, progress));
    const step = nextStepOf(workflowId, waited.isHeld ? { phase: 'held' } : progress);
    if (step) writeLines(io.stderr, [nextStepLine(step)]);
  }
  if (failure) {
    const text = `${createStyle(io.stderr)('red', status)}: ${failure.message}`;
    writeLines(io.stderr, [{ text }, ...(await afterEndLines(handle, { ...waited, result }))]);
  }
  return toExitCode(waited);
}

/**
 * Waits until a workflow ends, or the options end the wait.
 *
 * @throws DecryptionError
 */
export async function waitWithProgress(
  session: Session,
  { stderr, interrupted }: Io,
  handle: WorkflowHandle,
  { timeout, exitOnHold, ...options }: WaitCommandOptions & { readonly showProgress: boolean },
): Promise<WaitResult> {
  const display = options.showProgress ? await createProgressDisplay(stderr) : new LogDisplay(stderr);
  const stop = new AbortController();
  const hold = new AbortController();
  const show = (snapshot: WorkflowSnapshot) => {
    if (exitOnHold && isHeld(snapshot)) hold.abort();
    else if (options.showProgress) display.show(snapshot);
  };
  // A pipeline whose progress cannot be read will have a report that cannot be read, perhaps hours later.
  const unreadable = new AbortController();
  if (options.showProgress || exitOnHold) {
    watchProgress(session, handle, show, stop.signal).catch((error) => unreadable.abort(error));
  }
  try {
    const onOutage = (message: string) => display.log(message);
    const waited = await waitForResult(session, handle, {
      timeoutMs: timeout,
      // Of its own, as the listeners of many waits would be taken for a leak.
      interrupted: AbortSignal.any([interrupted, unreadable.signal]),
      held: hold.signal,
      onOutage,
    });
    if (waited.status === 'running') unreadable.signal.throwIfAborted();
    return waited;
  } finally {
    stop.abort();
    display.clear();
  }
}

/** The search attribute says so without a worker. Where it is not registered, the pipeline's own report does. */
function isHeld({ progress, description: { status, typedSearchAttributes } }: WorkflowSnapshot): boolean {
  const phase = typedSearchAttributes.get(searchAttributes.phase) ?? progress?.phase;
  return status.name === 'RUNNING' && phase === 'held';
}

function reattachHint(
  workflowId: string,
  { isInterrupted, isHeld }: WaitResult,
  progress: PipelineProgress | undefined,
): string {
  const state = isHeld || progress?.phase === 'held' ? 'Held' : 'Still running';
  const prefix = isInterrupted ? 'Interrupted. ' : '';
  return `${prefix}${state}. Reattach with: ${toCommand('watch', workflowId)}\n`;
}

/** How to collect what a failed pipeline did not. */
async function afterEndLines(handle: WorkflowHandle, { result, failure }: WaitResult): Promise<Line[]> {
  // The report is worth more than the hint.
  const description = await handle.describe().catch(() => undefined);
  if (description?.type !== POST_RUN_PIPELINE) return [];
  const report = isPipelineReport(result) ? result : undefined;
  const step = nextStepAfterEnd(description, { report, failureType: failure?.type });
  return step ? [nextStepLine(step)] : [];
}

/** The exit code for how a wait ended. */
export function toExitCode({ status, failure, isInterrupted }: WaitResult): ExitCode {
  if (status === 'completed') return exitCodes.done;
  if (status === 'running') return isInterrupted ? exitCodes.interrupted : exitCodes.running;
  return failure?.type === 'invalid_input' ? exitCodes.usage : exitCodes.failed;
}
