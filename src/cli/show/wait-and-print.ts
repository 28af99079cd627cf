import type { WorkflowHandle } from '@temporalio/client';
import { type ExitCode, exitCodes } from '../../exit.js';
import { COLLECT_FILE, POST_RUN_PIPELINE } from '../../shared/names.js';
import type { PipelineProgress } from '../../shared/pipeline-report.js';
import { type Io, writeJson } from '../io.js';
import type { WaitResult } from '../temporal/await-result.js';
import type { Session } from '../temporal/connect.js';
import { uiLink } from '../temporal/ui-link.js';
import { readProgress } from '../temporal/workflow-snapshot.js';
import { colorsOf, columnsOf, type Line, writeLines } from './lines.js';
import { fileResultLines, type ReportView, reportLines } from './report-lines.js';
import { summarize } from './summarize.js';
import { waitForResult } from './wait-for-result.js';

export interface ShowOptions {
  /** How long to wait at most, in milliseconds. */
  readonly timeout?: number | undefined;
  readonly json?: boolean | undefined;
  /** List all files that the report has. */
  readonly all?: boolean | undefined;
}

/** How the result of each workflow type reads to a person. */
const toLines: Readonly<Record<string, (result: never, view: ReportView) => Line[]>> = {
  [POST_RUN_PIPELINE]: reportLines,
  [COLLECT_FILE]: fileResultLines,
};

export interface WorkflowToShow {
  readonly handle: WorkflowHandle;
  readonly workflowType: string;
}

/** Waits until a workflow has ended and shows what with, which also says how the command ends. */
export async function waitAndPrint(
  session: Session,
  io: Io,
  { handle, workflowType }: WorkflowToShow,
  { timeout, json, all, showProgress }: ShowOptions & { readonly showProgress: boolean },
): Promise<ExitCode> {
  const { workflowId } = handle;
  const waitResult = await waitForResult(session, io, handle, { timeoutMs: timeout, showProgress });
  const { status, failure, ...summary } = summarize(waitResult);
  // What a pipeline has done that was cancelled, or that goes on, is told by a worker only.
  const isToAsk = status === 'cancelled' || waitResult.kind === 'running';
  const result = isToAsk ? await readProgress(session, handle) : summary.result;
  if (json) {
    writeJson(io, { workflowId, uiLink: uiLink(session.config, workflowId), status, result, failure });
  } else if (result !== undefined) {
    const lines = toLines[workflowType]?.(result as never, {
      colors: colorsOf(io.stdout),
      columns: columnsOf(io.stdout),
      all,
    });
    writeLines(io.stdout, lines ?? []);
  }
  if (status === 'completed') return exitCodes.done;
  if (failure === undefined)
    return printReattachHint(io, workflowId, waitState(waitResult, result), waitResult);
  writeLines(io.stderr, [{ text: `${colorsOf(io.stderr).red(status)}: ${failure.message}` }]);
  return failure.type === 'invalid_input' ? exitCodes.usage : exitCodes.failed;
}

function waitState({ kind }: WaitResult, result: unknown): string {
  const { phase } = (result ?? {}) as Partial<PipelineProgress>;
  return kind === 'running' && phase === 'held' ? 'held' : kind;
}

function printReattachHint({ stderr }: Io, workflowId: string, word: string, { kind }: WaitResult): ExitCode {
  stderr.write(`${word}; it goes on. Come back with: bctrl-temporal watch ${workflowId}\n`);
  return kind === 'interrupted' ? exitCodes.interrupted : exitCodes.running;
}
