import type { WorkflowHandle } from '@temporalio/client';
import {
  ApplicationFailure,
  CancelledFailure,
  rootCause,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/common';
import { Exit, type ExitCode, exitCodes } from '../exit.js';
import { COLLECT_FILE, PIPELINE_FAILED, POST_RUN_PIPELINE, PROGRESS_QUERY } from '../shared/names.js';
import type { Session } from './connect.js';
import { type Ending, follow } from './follow.js';
import { type Io, writeJson } from './io.js';
import { fileText, reportText } from './result-text.js';
import { uiLink } from './ui-link.js';

export interface ShowOptions {
  /** How long to wait at most, in milliseconds. */
  readonly timeout?: number | undefined;
  readonly json?: boolean | undefined;
}

/** A worker that is there answers by then. */
const QUERY_TIMEOUT_MS = 5_000;

/** How the result of each workflow type reads to a person. */
const texts: Readonly<Record<string, (result: never) => string>> = {
  [POST_RUN_PIPELINE]: reportText,
  [COLLECT_FILE]: fileText,
};

/** Waits until a workflow has ended and shows what with, which also says how the command ends. */
export async function showResult(
  session: Session,
  io: Io,
  handle: WorkflowHandle,
  { timeout, json }: ShowOptions,
): Promise<ExitCode> {
  const { workflowId } = handle;
  const { type } = await handle.describe();
  const toText = texts[type];
  if (toText === undefined) throw new Exit(exitCodes.usage, `"${workflowId}" is a workflow of type ${type}`);
  const ending = await follow(session, io, handle, timeout);
  const { status, failure, ...summary } = summarize(ending);
  const result = status === 'cancelled' ? await lastProgress(session, handle) : summary.result;
  if (json) {
    writeJson(io, { workflowId, uiLink: uiLink(session.config, workflowId), status, result, failure });
  } else if (result !== undefined) {
    io.stdout.write(`${toText(result as never)}\n`);
  }
  if (failure !== undefined) {
    io.stderr.write(`${status}: ${failure.message}\n`);
    return failure.type === 'invalid_input' ? exitCodes.usage : exitCodes.failed;
  }
  if (status === 'completed') return exitCodes.done;
  io.stderr.write(`${ending.kind}; it goes on. Come back with: bctrl-temporal result ${workflowId}\n`);
  return ending.kind === 'interrupted' ? exitCodes.interrupted : exitCodes.running;
}

/** What a cancelled pipeline had done, which a worker tells: none may be there, and `collectFile` has no such query. */
async function lastProgress({ client }: Session, handle: WorkflowHandle): Promise<unknown> {
  const query = () => handle.query(PROGRESS_QUERY);
  return await client.withDeadline(Date.now() + QUERY_TIMEOUT_MS, query).catch(() => undefined);
}

interface Summary {
  readonly status: 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timed-out';
  readonly result?: unknown;
  readonly failure?: { readonly type: string; readonly message: string };
}

function summarize(ending: Ending): Summary {
  if (ending.kind === 'completed') return { status: 'completed', result: ending.result };
  if (ending.kind !== 'failed') return { status: 'running' };
  const cause = ending.error.cause;
  if (cause instanceof CancelledFailure) return withoutReason('cancelled');
  if (cause instanceof TerminatedFailure) return withoutReason('terminated');
  if (cause instanceof TimeoutFailure) return withoutReason('timed-out');
  const reason = reasonOf(cause);
  const failure = {
    type: reason?.type ?? 'unknown',
    message: reason?.message ?? rootCause(ending.error) ?? ending.error.message,
  };
  const isReport = reason?.type === PIPELINE_FAILED;
  return { status: 'failed', failure, ...(isReport && { result: reason?.details?.[0] }) };
}

function withoutReason(status: 'cancelled' | 'terminated' | 'timed-out') {
  return { status, failure: { type: status, message: `the workflow was ${status.replace('-', ' ')}` } };
}

/** The failure that says why: that of the workflow itself, or of the activity that ended it. */
function reasonOf(error: Error | undefined): ApplicationFailure | undefined {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof ApplicationFailure) return cause;
  }
  return undefined;
}
