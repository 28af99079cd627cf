import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { MAX_TIMER_MS } from '../../shared/duration.js';
import type { Io, Output } from '../io.js';
import { awaitResult, type WaitResult } from '../temporal/await-result.js';
import { describeOutage, isOutage, type Session } from '../temporal/connect.js';
import { takeSnapshot, type WorkflowSnapshot } from '../temporal/workflow-snapshot.js';
import { LineDisplay } from './line-display.js';

/** Often enough to see most retries, rarely enough to be no load. */
const POLL_MS = 500;

/** Between two looks for a Temporal that is lost: often enough to be back soon after it. */
const OUTAGE_POLL_MS = 1_000;

/** Shows what happens to a workflow. */
export interface Display {
  show(snapshot: WorkflowSnapshot): void;
  /** Writes a line that stays. */
  say(line: string): void;
  /** Nothing is shown any more. */
  clear(): void;
}

export interface FollowOptions {
  /** How long to wait at most. */
  readonly timeoutMs?: number | undefined;
  /** Say on stderr what happens meanwhile: live on a terminal, a line for each change elsewhere. */
  readonly showProgress: boolean;
}

/** Waits until a workflow has ended, through outages of Temporal. */
export async function waitForResult(
  session: Session,
  io: Io,
  handle: WorkflowHandle,
  { timeoutMs, showProgress }: FollowOptions,
): Promise<WaitResult> {
  const stop = new AbortController();
  // The SDK's client adds a listener with every long poll and removes none: after minutes Node would warn of a leak.
  setMaxListeners(0, stop.signal);
  session.stopRetries();
  const display = showProgress ? await createDisplay(io.stderr) : new LineDisplay(io.stderr);
  if (showProgress) watch(session, display, handle, stop.signal);
  try {
    return await Promise.race([
      // A long poll that nobody waits for any more would keep the process alive until it times out.
      session.client.withAbortSignal(stop.signal, () => outlast(session, display, handle, stop.signal)),
      ended(io.interrupted, 'interrupted'),
      ...(timeoutMs === undefined ? [] : [after(timeoutMs, stop.signal)]),
    ]);
  } finally {
    stop.abort();
  }
}

/** What is not found, or not allowed, ends the wait; a Temporal that is away does not. */
async function outlast(
  { config }: Session,
  display: Display,
  handle: WorkflowHandle,
  signal: AbortSignal,
): Promise<WaitResult> {
  for (let failures = 0; ; ) {
    try {
      // Otherwise a long poll would have to tell that Temporal is back.
      if (failures > 0) await handle.describe();
      failures = 0;
      return await awaitResult(handle);
    } catch (error) {
      if (signal.aborted || !isOutage(error)) throw error;
      failures += 1;
      // Servers end connections that have grown old, and take the next one at once.
      if (failures === 2) display.say(`${describeOutage(error, config)}; still waiting`);
    }
    await sleep(OUTAGE_POLL_MS, undefined, { signal });
  }
}

function ended(signal: AbortSignal, kind: 'interrupted'): Promise<WaitResult> {
  if (signal.aborted) return Promise.resolve({ kind });
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve({ kind }), { once: true }));
}

async function after(timeoutMs: number, signal: AbortSignal): Promise<WaitResult> {
  for (let leftMs = timeoutMs; leftMs > 0 && !signal.aborted; leftMs -= MAX_TIMER_MS) {
    await sleep(Math.min(leftMs, MAX_TIMER_MS), undefined, { signal }).catch(() => undefined);
  }
  return { kind: 'running' };
}

/** Shows the workflow until `signal` aborts. */
async function watch(
  session: Session,
  display: Display,
  handle: WorkflowHandle,
  signal: AbortSignal,
): Promise<void> {
  signal.addEventListener('abort', () => display.clear(), { once: true });
  let snapshot: WorkflowSnapshot | undefined;
  while (!signal.aborted) {
    try {
      // The SDK never takes its listeners off a signal, so each look has one of its own.
      const one = AbortSignal.any([signal]);
      snapshot = await session.client.withAbortSignal(one, () => takeSnapshot(session, handle, snapshot));
      if (!signal.aborted) display.show(snapshot);
    } catch {
      // What is shown on the way is a courtesy: whether Temporal is lost is for the wait itself to find out.
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** What only a terminal needs is loaded for one only: it takes a tenth of a second. */
async function createDisplay(output: Output): Promise<Display> {
  if (!output.isTTY) return new LineDisplay(output);
  const { LiveDisplay } = await import('./live-display.js');
  return new LiveDisplay(output);
}
