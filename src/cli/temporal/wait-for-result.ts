import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { CancelledFailure, rootCause, TerminatedFailure, TimeoutFailure } from '@temporalio/common';
import { MAX_TIMER_MS } from '../../shared/duration.js';
import { PIPELINE_FAILED } from '../../shared/names.js';
import { readApplicationFailure } from '../../shared/read-failure.js';
import { describeOutage, isOutage, type Session } from './session.js';

/** Reconnects soon after an outage without burdening a server that restarts. */
const OUTAGE_POLL_MS = 1_000;

/** How a wait for a workflow ended. */
export interface WaitResult {
  readonly status: 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timed-out';
  /** Set if Ctrl-C ended the wait. The status is `running` then. */
  readonly isInterrupted?: true;
  /** Set if the wait ended because the pipeline was held. The status is `running` then. */
  readonly isHeld?: true;
  /** The result of a completed workflow, or the report of a failed pipeline. */
  readonly result?: unknown;
  readonly failure?: { readonly type: string; readonly message: string };
}

export interface WaitOptions {
  /** How long to wait at most. */
  readonly timeoutMs?: number | undefined;
  readonly interrupted: AbortSignal;
  /** Aborts when the pipeline is held, if that is to end the wait. */
  readonly held?: AbortSignal | undefined;
  /** Called once for each outage of Temporal. */
  readonly onOutage: (message: string) => void;
}

/** Waits until a workflow ends or is held, the timeout expires or the user interrupts. Outages of Temporal do not end the wait. */
export async function waitForResult(
  session: Session,
  handle: WorkflowHandle,
  { timeoutMs, interrupted, held, onOutage }: WaitOptions,
): Promise<WaitResult> {
  const stop = new AbortController();
  // The SDK's client adds a listener for every long poll and removes none: Node would warn of a leak after minutes.
  setMaxListeners(0, stop.signal);
  session.stopRetries();
  try {
    return await Promise.race([
      // Without the signal a pending long poll would keep the process alive.
      session.client.withAbortSignal(stop.signal, () => outlast(session, handle, onOutage, stop.signal)),
      untilAborted(interrupted, { status: 'running', isInterrupted: true }),
      ...(held ? [untilAborted(held, { status: 'running', isHeld: true })] : []),
      ...(timeoutMs === undefined ? [] : [untilTimeout(timeoutMs, stop.signal)]),
    ]);
  } finally {
    stop.abort();
  }
}

/** Waits until a workflow ends. */
export async function awaitResult(handle: WorkflowHandle): Promise<WaitResult> {
  try {
    return { status: 'completed', result: await handle.result() };
  } catch (error) {
    if (error instanceof WorkflowFailedError) return toFailedResult(error);
    throw error;
  }
}

function toFailedResult(error: WorkflowFailedError): WaitResult {
  const { cause } = error;
  if (cause instanceof CancelledFailure) return toClosedResult('cancelled', 'was cancelled');
  if (cause instanceof TerminatedFailure) return toClosedResult('terminated', 'was terminated');
  if (cause instanceof TimeoutFailure) return toClosedResult('timed-out', 'timed out');
  // The failure of the workflow itself, or of the activity that failed it.
  const reason = readApplicationFailure(cause, (applicationFailure) => applicationFailure);
  const failure = {
    type: reason?.type ?? 'unknown',
    message: reason?.message ?? rootCause(error) ?? error.message,
  };
  return {
    status: 'failed',
    failure,
    ...(reason?.type === PIPELINE_FAILED && { result: reason.details?.[0] }),
  };
}

function toClosedResult(status: 'cancelled' | 'terminated' | 'timed-out', verb: string): WaitResult {
  return { status, failure: { type: status, message: `the workflow ${verb}` } };
}

/** Retries after an outage. A workflow that does not exist or may not be read ends the wait. */
async function outlast(
  { config }: Session,
  handle: WorkflowHandle,
  onOutage: WaitOptions['onOutage'],
  signal: AbortSignal,
): Promise<WaitResult> {
  for (let failures = 0; ; ) {
    try {
      // A quick call resets the count: the long poll would not return for minutes.
      if (failures > 0) await handle.describe();
      failures = 0;
      return await awaitResult(handle);
    } catch (error) {
      if (signal.aborted || !isOutage(error)) throw error;
      failures += 1;
      // One failure is no outage: servers close old connections and accept a new one at once.
      if (failures === 2) onOutage(`${describeOutage(error, config)}; still waiting`);
    }
    await sleep(OUTAGE_POLL_MS, undefined, { signal });
  }
}

function untilAborted(signal: AbortSignal, result: WaitResult): Promise<WaitResult> {
  if (signal.aborted) return Promise.resolve(result);
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(result), { once: true }));
}

async function untilTimeout(timeoutMs: number, signal: AbortSignal): Promise<WaitResult> {
  for (let leftMs = timeoutMs; leftMs > 0 && !signal.aborted; leftMs -= MAX_TIMER_MS) {
    await sleep(Math.min(leftMs, MAX_TIMER_MS), undefined, { signal }).catch(() => undefined);
  }
  return { status: 'running' };
}
