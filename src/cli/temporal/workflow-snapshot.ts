import type { WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { getPipelineHandle } from '../../client/pipeline-handle.js';
import { DecryptionError } from '../../encryption/encryption-codec.js';
import { POST_RUN_PIPELINE } from '../../shared/names.js';
import type { PipelineProgress } from '../../shared/pipeline-report.js';
import { readFailureMessage } from './decode-payloads.js';
import { listPollers, toEpochMs } from './pollers.js';
import { addRunningBatches, type ShownProgress } from './running-batches.js';
import type { Session } from './session.js';

/** TypeScript compares the numbers with the enums'. Only their types are imported, as their package is large. */
const ACTIVITY_SCHEDULED: temporal.api.enums.v1.PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED = 1;
const WORKFLOW_TASK_SCHEDULED: temporal.api.enums.v1.PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED = 1;

/** A running worker answers a query well within this time. */
const QUERY_TIMEOUT_MS = 5_000;

/** A worker with free slots picks up a task well within this time. */
const PICKUP_TIMEOUT_MS = 3_000;

/** Events in the history of a workflow that no worker has picked up: started, and workflow task scheduled. */
const INITIAL_EVENTS = 2;

/** An activity that waits for its next attempt. */
export interface PendingRetry {
  /** Distinguishes the retry from all others of the workflow. */
  readonly id: string;
  /** Number of the next attempt. */
  readonly attempt: number;
  /** Class and message of the last failure. */
  readonly reason: string;
  /** Milliseconds until the next attempt; 0 when it is due. */
  readonly inMs: number;
  /** Milliseconds until there are no more attempts; absent if they never end. */
  readonly givesUpInMs?: number;
}

/** The state of a workflow at a moment. */
export interface WorkflowSnapshot {
  readonly description: WorkflowExecutionDescription;
  /** The report so far; `undefined` until a worker has answered, and for workflows that are not pipelines. */
  readonly progress: ShownProgress | undefined;
  /** The same as the pipeline itself reported it. */
  readonly queried: PipelineProgress | undefined;
  /** Length of the history when a worker was last queried. */
  readonly queriedAtLength: number;
  readonly retries: readonly PendingRetry[];
  /** Tasks that no worker has picked up, with the time each was first seen, by `performance.now()`. */
  readonly pendingTasks: ReadonlyMap<string, number>;
  /** Tasks are pending and no worker polls. */
  readonly hasNoWorker: boolean;
}

/**
 * Reads a pipeline's report so far, with the files of running batches; `undefined` if no worker answers.
 *
 * @throws DecryptionError
 */
export async function readProgress(
  session: Session,
  handle: WorkflowHandle,
): Promise<ShownProgress | undefined> {
  const queried = await queryProgress(session, handle);
  const description = queried && (await handle.describe().catch(() => undefined));
  return description ? await addRunningBatches(session, queried, description) : queried;
}

async function queryProgress(
  { client }: Session,
  { workflowId }: WorkflowHandle,
): Promise<PipelineProgress | undefined> {
  const query = () => getPipelineHandle(client, workflowId).progress();
  return await client.withDeadline(Date.now() + QUERY_TIMEOUT_MS, query).catch((error: unknown) => {
    if (error instanceof DecryptionError) throw error;
    return undefined;
  });
}

/**
 * Describes and queries a workflow. It queries only if the history has grown since `before`: Temporal Cloud bills queries,
 * and a wait for a job takes hours.
 */
export async function takeSnapshot(
  session: Session,
  handle: WorkflowHandle,
  before?: WorkflowSnapshot,
): Promise<WorkflowSnapshot> {
  const first = await handle.describe();
  const { historyLength, type } = first;
  const pendingTasks = findPendingTasks(first.raw, before?.pendingTasks);
  const shouldQuery =
    type === POST_RUN_PIPELINE &&
    historyLength > INITIAL_EVENTS &&
    // While no worker picks up the workflow task, none would answer either.
    !pendingTasks.has(WORKFLOW_TASK) &&
    historyLength !== before?.queriedAtLength;
  const newest = shouldQuery ? await queryProgress(session, handle) : undefined;
  // A batch that ended meanwhile must not count twice: in the report, and as one that runs.
  const description = newest ? await handle.describe() : first;
  const queried = newest ?? before?.queried;
  return {
    description,
    queried,
    progress: queried && (await addRunningBatches(session, queried, description)),
    queriedAtLength: shouldQuery ? historyLength : (before?.queriedAtLength ?? 0),
    retries: await listPendingRetries(session, description, Date.now()),
    pendingTasks,
    hasNoWorker: await hasNoWorker(session, pendingTasks),
  };
}

export async function listPendingRetries(
  session: Session,
  { raw: { pendingActivities } }: WorkflowExecutionDescription,
  nowMs: number,
): Promise<PendingRetry[]> {
  const retries: PendingRetry[] = [];
  for (const activity of pendingActivities ?? []) {
    const { activityId, attempt, lastFailure, nextAttemptScheduleTime, expirationTime } = activity;
    if (!lastFailure || !nextAttemptScheduleTime) continue;
    const reasonClass = lastFailure.applicationFailureInfo?.type ?? 'lost worker';
    retries.push({
      id: `${activityId}/${attempt}`,
      attempt: attempt ?? 1,
      reason: `${reasonClass}: ${await readFailureMessage(session, lastFailure)}`,
      inMs: Math.max(toEpochMs(nextAttemptScheduleTime) - nowMs, 0),
      ...(expirationTime && { givesUpInMs: Math.max(toEpochMs(expirationTime) - nowMs, 0) }),
    });
  }
  return retries;
}

const WORKFLOW_TASK = 'workflow task';

/** Measures with this machine's monotonic clock: the server's clock may be off by more than a pickup takes. */
function findPendingTasks(
  { pendingWorkflowTask, pendingActivities }: WorkflowExecutionDescription['raw'],
  before: WorkflowSnapshot['pendingTasks'] = new Map(),
): WorkflowSnapshot['pendingTasks'] {
  const isTaskPending = pendingWorkflowTask?.state === WORKFLOW_TASK_SCHEDULED;
  const activities = (pendingActivities ?? []).filter(
    ({ state, nextAttemptScheduleTime }) => state === ACTIVITY_SCHEDULED && !nextAttemptScheduleTime,
  );
  const names = [
    ...(isTaskPending ? [WORKFLOW_TASK] : []),
    ...activities.map(({ activityId, attempt }) => `activity ${activityId}/${attempt}`),
  ];
  const nowMs = performance.now();
  return new Map(names.map((name) => [name, before.get(name) ?? nowMs]));
}

/** A late workflow task proves that no worker polls. A late activity may wait for a busy worker, so its pollers count. */
async function hasNoWorker(
  session: Session,
  pendingTasks: WorkflowSnapshot['pendingTasks'],
): Promise<boolean> {
  const nowMs = performance.now();
  const late = [...pendingTasks].filter(([, sinceMs]) => nowMs - sinceMs > PICKUP_TIMEOUT_MS);
  if (late.length === 0) return false;
  if (late.some(([name]) => name === WORKFLOW_TASK)) return true;
  return (await listPollers(session, 'activities')).length === 0;
}
