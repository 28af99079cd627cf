import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { POST_RUN_PIPELINE, PROGRESS_QUERY } from '../shared/names.js';
import type { PipelineProgress } from '../shared/pipeline-report.js';
import type { Session } from './connect.js';
import { formatBytes } from './format-bytes.js';
import type { Io } from './io.js';
import { pendingRetries } from './pending-retries.js';

/** Often enough to see most retries, rarely enough to be no load. */
const POLL_MS = 500;

/** A worker that is there polls by then. */
const NO_WORKER_AFTER_MS = 3_000;

/** `TaskQueueType` of the Temporal API. */
const WORKFLOW_TASK_QUEUE = 1;

/** How a wait for a workflow ended. */
export type Ending =
  | { readonly kind: 'completed'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly error: WorkflowFailedError }
  | { readonly kind: 'running' | 'interrupted' };

/** Waits until a workflow has ended, and says on stderr what happens meanwhile: a line for each change. */
export async function follow(
  session: Session,
  io: Io,
  handle: WorkflowHandle,
  timeoutMs: number | undefined,
): Promise<Ending> {
  const stop = new AbortController();
  // The SDK's client adds a listener with every long poll and removes none: after minutes Node would warn of a leak.
  setMaxListeners(0, stop.signal);
  // What is shown on the way is a courtesy: whether Temporal is lost is for the wait itself to find out.
  watch(session, io, handle, stop.signal).catch(() => undefined);
  try {
    return await Promise.race([
      // A long poll that nobody waits for any more would keep the process alive until it times out.
      session.client.withAbortSignal(stop.signal, () => toEnding(handle)),
      ended(io.interrupted, 'interrupted'),
      ...(timeoutMs === undefined ? [] : [after(timeoutMs, stop.signal)]),
    ]);
  } finally {
    stop.abort();
  }
}

async function toEnding(handle: WorkflowHandle): Promise<Ending> {
  try {
    return { kind: 'completed', result: await handle.result() };
  } catch (error) {
    if (error instanceof WorkflowFailedError) return { kind: 'failed', error };
    throw error;
  }
}

function ended(signal: AbortSignal, kind: 'interrupted'): Promise<Ending> {
  if (signal.aborted) return Promise.resolve({ kind });
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve({ kind }), { once: true }));
}

async function after(timeoutMs: number, signal: AbortSignal): Promise<Ending> {
  await sleep(timeoutMs, undefined, { signal }).catch(() => undefined);
  return { kind: 'running' };
}

/** Writes a line for each change until `signal` aborts. */
async function watch({ client, config }: Session, io: Io, handle: WorkflowHandle, signal: AbortSignal) {
  const said = new Set<string>();
  const say = (line: string, id = line) => {
    if (said.has(id) || signal.aborted) return;
    said.add(id);
    io.stderr.write(`${line}\n`);
  };
  const startedMs = Date.now();
  let workerSeen = false;
  const look = async () => {
    const description = await handle.describe();
    for (const { id, attempt, inMs, reason } of pendingRetries(description, Date.now())) {
      say(`  attempt ${attempt} in ${(inMs / 1_000).toFixed(1)} s after ${reason}`, id);
    }
    workerSeen ||= await hasWorker(client, config.taskQueue);
    if (workerSeen && description.type === POST_RUN_PIPELINE) {
      say(describeProgress(await handle.query<PipelineProgress>(PROGRESS_QUERY)));
    } else if (!workerSeen && Date.now() - startedMs > NO_WORKER_AFTER_MS) {
      say(`no worker polls task queue "${config.taskQueue}": the pipeline waits for one (npm run worker)`);
    }
  };
  while (!signal.aborted) {
    // The SDK never takes its listeners off a signal, so each look has one of its own.
    await client.withAbortSignal(AbortSignal.any([signal]), look);
    await sleep(POLL_MS, undefined, { signal });
  }
}

async function hasWorker({ connection, options }: Client, taskQueue: string): Promise<boolean> {
  const { pollers } = await connection.workflowService.describeTaskQueue({
    namespace: options.namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: WORKFLOW_TASK_QUEUE,
  });
  return (pollers ?? []).length > 0;
}

function describeProgress({ phase, counts, bytes }: PipelineProgress): string {
  if (phase === 'waiting') return 'waiting for the jobs';
  const { files, collected, kept, failed } = counts;
  const parts = [`${collected + kept} of ${files} files`, ...(failed > 0 ? [`${failed} failed`] : [])];
  const help = phase === 'held' ? '; it waits for the update `resume` or `abandon`' : '';
  return `${phase}: ${parts.join(', ')}, ${formatBytes(bytes)}${help}`;
}
