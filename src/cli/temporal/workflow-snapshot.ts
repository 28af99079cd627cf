import type { WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client';
import { POST_RUN_PIPELINE, PROGRESS_QUERY } from '../../shared/names.js';
import type { PipelineProgress } from '../../shared/pipeline-report.js';
import type { Session } from './connect.js';
import { type PendingRetry, pendingRetries } from './pending-retries.js';
import { pollersOf } from './pollers.js';

/** A worker that is there answers by then. */
const QUERY_TIMEOUT_MS = 5_000;

/** A worker that is there takes what there is to do by then, unless it has enough to do. */
const PICKUP_TIMEOUT_MS = 3_000;

/** A workflow of which no worker has seen anything has been started, and has a task scheduled. */
const FIRST_EVENTS = 2;

/** `SCHEDULED` of `PendingWorkflowTaskState` and `PendingActivityState` of the Temporal API. */
const SCHEDULED = 1;

/** What is known of a workflow at a moment. */
export interface WorkflowSnapshot {
  readonly description: WorkflowExecutionDescription;
  /** Of a pipeline; `undefined` as long as no worker has told. */
  readonly progress: PipelineProgress | undefined;
  /** Length of the history of which a worker was asked last. */
  readonly queriedAtLength: number;
  readonly retries: readonly PendingRetry[];
  /** What waits for a worker, and since when it was seen to wait, by the monotonic clock of this machine. */
  readonly pendingTasks: ReadonlyMap<string, number>;
  /** It waits, and nobody comes. */
  readonly hasNoWorker: boolean;
}

/** The report of a pipeline so far, which a worker has to tell; `undefined` where none does. */
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
export async function takeSnapshot(
  session: Session,
  handle: WorkflowHandle,
  before?: WorkflowSnapshot,
): Promise<WorkflowSnapshot> {
  const description = await handle.describe();
  const { historyLength, raw, type } = description;
  const pendingTasks = findPendingTasks(raw, before?.pendingTasks);
  const isTaskWaiting = pendingTasks.has(WORKFLOW_TASK);
  // Nobody would answer as long as nobody takes the task that is there.
  const shouldQuery =
    type === POST_RUN_PIPELINE &&
    historyLength > FIRST_EVENTS &&
    !isTaskWaiting &&
    historyLength !== before?.queriedAtLength;
  const progress = shouldQuery ? await readProgress(session, handle) : undefined;
  return {
    description,
    progress: progress ?? before?.progress,
    queriedAtLength: shouldQuery ? historyLength : (before?.queriedAtLength ?? 0),
    retries: pendingRetries(description, Date.now()),
    pendingTasks,
    hasNoWorker: await hasNoWorker(session, pendingTasks),
  };
}

const WORKFLOW_TASK = 'workflow task';

/** Times of the server say nothing here: the clocks may differ by more than a worker takes. */
function findPendingTasks(
  { pendingWorkflowTask, pendingActivities }: WorkflowExecutionDescription['raw'],
  before: WorkflowSnapshot['pendingTasks'] = new Map(),
): WorkflowSnapshot['pendingTasks'] {
  const names = [
    ...(pendingWorkflowTask?.state === SCHEDULED ? [WORKFLOW_TASK] : []),
    ...(pendingActivities ?? []).flatMap(({ activityId, attempt, state, nextAttemptScheduleTime }) =>
      state === SCHEDULED && !nextAttemptScheduleTime ? [`activity ${activityId}/${attempt}`] : [],
    ),
  ];
  const nowMs = performance.now();
  return new Map(names.map((name) => [name, before.get(name) ?? nowMs]));
}

/** A workflow task waits for nothing but a worker; an activity may wait for a worker that is busy. */
async function hasNoWorker(
  session: Session,
  pendingTasks: WorkflowSnapshot['pendingTasks'],
): Promise<boolean> {
  const nowMs = performance.now();
  const late = [...pendingTasks].filter(([, sinceMs]) => nowMs - sinceMs > PICKUP_TIMEOUT_MS);
  if (late.length === 0) return false;
  const isTask = late.some(([name]) => name === WORKFLOW_TASK);
  return isTask || (await pollersOf(session, 'activities')).length === 0;
}
