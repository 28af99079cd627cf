import {
  ApplicationFailure,
  CancelledFailure,
  rootCause,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/common';
import { PIPELINE_FAILED } from '../../shared/names.js';
import type { WaitResult } from '../temporal/await-result.js';

/** A workflow's end, or that there is none yet, for `--json` and the exit code. */
export interface Summary {
  readonly status: 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timed-out';
  readonly result?: unknown;
  readonly failure?: { readonly type: string; readonly message: string };
}

export function summarize(waitResult: WaitResult): Summary {
  if (waitResult.kind === 'completed') return { status: 'completed', result: waitResult.result };
  if (waitResult.kind !== 'failed') return { status: 'running' };
  const cause = waitResult.error.cause;
  if (cause instanceof CancelledFailure) return withoutReason('cancelled');
  if (cause instanceof TerminatedFailure) return withoutReason('terminated');
  if (cause instanceof TimeoutFailure) return withoutReason('timed-out');
  const reason = reasonOf(cause);
  const failure = {
    type: reason?.type ?? 'unknown',
    message: reason?.message ?? rootCause(waitResult.error) ?? waitResult.error.message,
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
