import type { Client, WorkflowHandle } from '@temporalio/client';
import proto, { type temporal } from '@temporalio/proto';
import { hasStatus } from '../../src/cli/temporal/session.js';
import { grpcStatus } from '../../src/client/grpc-status.js';
import type { VerifyCollectedFilesInput } from '../../src/shared/collect.js';
import { toMessage } from '../../src/shared/display-text.js';
import { ADD_FILES_UPDATE, PROGRESS_QUERY } from '../../src/shared/names.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import type { InFlight, Lookup, RunFact, RunStatus } from './facts.js';
import { TASK_QUEUE } from './house.js';
import type { TemporalServer } from './temporal-server.js';

type History = temporal.api.history.v1.IHistory;
type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

interface Source {
  readonly client: Client;
  readonly temporal: Pick<TemporalServer, 'explains'>;
}

/** A run and its history, to be replayed. */
export interface RunHistory {
  readonly workflowId: string;
  readonly history: History;
  readonly fact: RunFact;
}

const { WorkflowTaskFailedCause } = proto.temporal.api.enums.v1;

/** Of tasks that fail although the workflow did nothing wrong. */
const benignCauses: ReadonlySet<number | null | undefined> = new Set([
  // An operator resets the run.
  WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW,
  // The worker that had the run in its cache is gone.
  WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_STICKY_TASK_QUEUE,
  // A message came while the run was about to end, so the task is repeated.
  WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
  // So did an update.
  WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_UPDATE,
  // An operator ends the run while a task is carried out.
  WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND,
  // A server that starts again closes the tasks of before.
  WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FAILOVER_CLOSE_COMMAND,
]);

const collectActivities = new Set(['collectRuntimeFile', 'collectRuntimeFiles']);

const LOOKUP_ACTIVITY = 'verifyCollectedFiles';

const QUERY_TRIES = 5;
const QUERY_TIMEOUT_MS = 30_000;

/** Reads all runs of all pipelines: those that the server lists, and those that operators know of. */
export async function readHistories(
  source: Source,
  known: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<RunHistory[]> {
  const runs = new Map<string, Set<string>>();
  for (const [workflowId, runIds] of known) runs.set(workflowId, new Set(runIds));
  for await (const { workflowId, runId } of source.client.workflow.list({
    query: `TaskQueue = '${TASK_QUEUE}'`,
  })) {
    runs.get(workflowId)?.add(runId);
  }
  const histories: RunHistory[] = [];
  for (const [workflowId, runIds] of runs) {
    for (const runId of runIds) histories.push(await readRun(source, workflowId, runId));
  }
  return histories;
}

async function readRun({ client, temporal }: Source, workflowId: string, runId: string): Promise<RunHistory> {
  const handle = client.workflow.getHandle(workflowId, runId);
  const history = await handle.fetchHistory();
  const events = history.events ?? [];
  const activities = readActivities(events);
  const [started, last] = [events[0], events.at(-1)];
  const { status, report } = readEnd(last);
  const isCutOff = status === 'cancelled' || status === 'terminated';
  const hasBegun = events.some((event) => event.workflowTaskCompletedEventAttributes);
  const asked = report === undefined && isCutOff && hasBegun ? await queryReport(client, handle, events) : {};
  const fact: RunFact = {
    runId,
    firstRunId: started?.workflowExecutionStartedEventAttributes?.firstExecutionRunId ?? runId,
    status,
    startedMs: toMs(started),
    endedMs: toMs(last),
    openedMs: toMs(events.findLast(isReset) ?? started),
    report: report ?? asked.report,
    queryProblem: asked.problem,
    messages: events.flatMap(readMessage),
    isReset: events.some(isReset),
    added: events.flatMap(readAdded),
    failedTasks: events.flatMap((event) =>
      readFailedTask(event).filter((problem) => !temporal.explains(problem, toMs(event))),
    ),
    inFlight: isCutOff ? findInFlight(activities) : [],
    lookups: readLookups(activities),
  };
  return { workflowId, history, fact };
}

/** Milliseconds since the epoch. */
function toMs(event: HistoryEvent | undefined): number {
  return Number(event?.eventTime?.seconds ?? 0) * 1_000 + (event?.eventTime?.nanos ?? 0) / 1_000_000;
}

function readEnd(last: HistoryEvent | undefined): { status: RunStatus; report?: PipelineReport } {
  const completed = last?.workflowExecutionCompletedEventAttributes;
  if (completed) return { status: 'completed', ...toReport(completed.result?.payloads?.[0]) };
  const failed = last?.workflowExecutionFailedEventAttributes;
  if (failed) {
    const { details } = failed.failure?.applicationFailureInfo ?? {};
    return { status: 'failed', ...toReport(details?.payloads?.[0]) };
  }
  if (last?.workflowExecutionCanceledEventAttributes) return { status: 'cancelled' };
  if (last?.workflowExecutionTerminatedEventAttributes) return { status: 'terminated' };
  if (last?.workflowExecutionContinuedAsNewEventAttributes) return { status: 'continued' };
  if (last?.workflowExecutionTimedOutEventAttributes) return { status: 'timed out' };
  return { status: 'running' };
}

function toReport(payload: temporal.api.common.v1.IPayload | null | undefined): { report?: PipelineReport } {
  const report = parsePayload(payload) as PipelineReport | undefined;
  return report?.counts ? { report } : {};
}

function parsePayload(payload: temporal.api.common.v1.IPayload | null | undefined): unknown {
  return payload?.data ? JSON.parse(Buffer.from(payload.data).toString()) : undefined;
}

interface Answer {
  readonly report?: PipelineReport;
  readonly problem?: string;
}

/** No report is there, and no problem, if the run ended while its workflow task failed or timed out again and again. */
async function queryReport(
  client: Client,
  handle: WorkflowHandle,
  events: readonly HistoryEvent[],
): Promise<Answer> {
  for (let tries = 1; ; tries += 1) {
    try {
      const query = () => handle.query<PipelineReport>(PROGRESS_QUERY);
      return { report: await client.withDeadline(Date.now() + QUERY_TIMEOUT_MS, query) };
    } catch (error) {
      // The server passes no query to a worker then.
      if (hasStatus(error, grpcStatus.FAILED_PRECONDITION) && isTaskUndone(events)) return {};
      if (tries === QUERY_TRIES) return { problem: describeError(error) };
    }
  }
}

/** Whether the last workflow task that ended was not completed. */
function isTaskUndone(events: readonly HistoryEvent[]): boolean {
  const last = events.findLast(
    (event) =>
      event.workflowTaskCompletedEventAttributes ??
      event.workflowTaskFailedEventAttributes ??
      event.workflowTaskTimedOutEventAttributes,
  );
  return last !== undefined && !last.workflowTaskCompletedEventAttributes;
}

/** The SDK's client wraps what gRPC says. */
function describeError(error: unknown): string {
  const { cause } = error as Error;
  return cause === undefined ? toMessage(error) : `${toMessage(error)}: ${toMessage(cause)}`;
}

function readMessage(event: HistoryEvent): string[] {
  const { acceptedRequest } = event.workflowExecutionUpdateAcceptedEventAttributes ?? {};
  const name = event.workflowExecutionSignaledEventAttributes?.signalName ?? acceptedRequest?.input?.name;
  return name ? [name] : [];
}

function isReset({ workflowTaskFailedEventAttributes: failed }: HistoryEvent): boolean {
  return failed?.cause === WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW;
}

function readAdded({ workflowExecutionUpdateAcceptedEventAttributes: accepted }: HistoryEvent): string[] {
  const { name, args } = accepted?.acceptedRequest?.input ?? {};
  return name === ADD_FILES_UPDATE ? readPaths(parsePayload(args?.payloads?.[0])) : [];
}

function readFailedTask({ eventId, workflowTaskFailedEventAttributes: failed }: HistoryEvent): string[] {
  if (!failed || benignCauses.has(failed.cause)) return [];
  const cause = WorkflowTaskFailedCause[failed.cause ?? 0];
  return [`event ${eventId}: ${cause}: ${failed.failure?.message ?? ''}`];
}

interface Activity {
  readonly type: string;
  readonly input: unknown;
  readonly scheduledMs: number;
  /** Of the attempt that ended it. */
  startedMs?: number;
  completedMs?: number;
}

/** In the order in which they were scheduled. */
function readActivities(events: readonly HistoryEvent[]): Activity[] {
  const activities = new Map<string, Activity>();
  for (const event of events) {
    const {
      activityTaskScheduledEventAttributes: scheduled,
      activityTaskStartedEventAttributes: started,
      activityTaskCompletedEventAttributes: completed,
    } = event;
    if (scheduled) {
      activities.set(String(event.eventId), {
        type: scheduled.activityType?.name ?? '',
        input: parsePayload(scheduled.input?.payloads?.[0]),
        scheduledMs: toMs(event),
      });
    }
    const activity = activities.get(String((started ?? completed)?.scheduledEventId));
    if (activity && started) activity.startedMs = toMs(event);
    if (activity && completed) activity.completedMs = toMs(event);
  }
  return [...activities.values()];
}

function findInFlight(activities: readonly Activity[]): InFlight[] {
  return activities
    .filter(({ type, completedMs }) => collectActivities.has(type) && completedMs === undefined)
    .flatMap(({ input, scheduledMs: sinceMs }) => readPaths(input).map((path) => ({ path, sinceMs })));
}

function readLookups(activities: readonly Activity[]): Lookup[] {
  return activities.flatMap(({ type, input, startedMs, completedMs }) => {
    if (type !== LOOKUP_ACTIVITY || startedMs === undefined || completedMs === undefined) return [];
    const { collected, failed } = input as VerifyCollectedFilesInput;
    return [{ startedMs, endedMs: completedMs, keys: [...collected, ...failed] }];
  });
}

function readPaths(input: unknown): string[] {
  const { files, runtimePath } = input as { files?: { runtimePath: string }[]; runtimePath?: string };
  return files?.map((file) => file.runtimePath) ?? (runtimePath === undefined ? [] : [runtimePath]);
}
