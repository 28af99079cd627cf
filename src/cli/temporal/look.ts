import type { WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';
import { PROGRESS_QUERY } from '../../shared/names.js';
import type { PipelineProgress } from '../../shared/pipeline-report.js';
import type { Session } from './connect.js';
import { type PendingRetry, pendingRetries } from './pending-retries.js';

/** A worker that is there answers by then. */
const QUERY_TIMEOUT_MS = 5_000;

/** What is known of a workflow at a moment. */
export interface Sight {
  readonly description: WorkflowExecutionDescription;
  /** Of a pipeline; `undefined` as long as no worker has told. */
  readonly progress: PipelineProgress | undefined;
  readonly retries: readonly PendingRetry[];
  /** Since when a task of the workflow waits for a worker, in milliseconds; 0 when none does. */
  readonly idleMs: number;
}

/** The report of a pipeline so far, which a worker has to tell; `undefined` where none does, or it is no pipeline. */
export async function readProgress(
  { client }: Session,
  handle: WorkflowHandle,
): Promise<PipelineProgress | undefined> {
  const query = () => handle.query<PipelineProgress>(PROGRESS_QUERY);
  return await client.withDeadline(Date.now() + QUERY_TIMEOUT_MS, query).catch(() => undefined);
}

/**
 * What is to be seen of a workflow now. A worker is asked only if there is something new to tell since `before`: a query
 * is billed in Temporal Cloud, and a wait for a job takes hours.
 */
export async function look(session: Session, handle: WorkflowHandle, before?: Sight): Promise<Sight> {
  const description = await handle.describe();
  const nowMs = Date.now();
  const idleMs = idleMsOf(description, nowMs);
  const isNew = before?.description.historyLength !== description.historyLength;
  // Nobody would answer as long as nobody takes what is there to do.
  const isToAsk = description.historyLength > FIRST_EVENTS && idleMs === 0;
  const progress =
    isToAsk && (isNew || before?.progress === undefined) ? await readProgress(session, handle) : undefined;
  return {
    description,
    progress: progress ?? before?.progress,
    retries: pendingRetries(description, nowMs),
    idleMs,
  };
}

/** A workflow of which no worker has seen anything has been started, and has a task scheduled. */
const FIRST_EVENTS = 2;

/** Both are times of the Temporal server, and now is this machine's: its clock should be right by a second. */
function idleMsOf({ raw }: WorkflowExecutionDescription, nowMs: number): number {
  const { pendingWorkflowTask: task, pendingActivities = [] } = raw;
  const waiting = [task, ...(pendingActivities ?? [])].flatMap((pending) =>
    pending?.state === SCHEDULED && pending.scheduledTime ? [nowMs - tsToMs(pending.scheduledTime)] : [],
  );
  return Math.max(0, ...waiting);
}

/** Of `PendingActivityState` and `PendingWorkflowTaskState` of the Temporal API. */
const SCHEDULED = 1;
