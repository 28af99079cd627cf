import { randomUUID } from 'node:crypto';
import { defaultPayloadConverter } from '@temporalio/common';
import { msToTs } from '@temporalio/common/lib/time.js';
import type { temporal } from '@temporalio/proto';
import {
  DESCRIBE_WORKER,
  toDescribeQueue,
  type WorkerState,
  workerStateSchema,
} from '../../shared/worker-state.js';
import type { Session } from './session.js';

/** A worker answers in milliseconds, after a request to the API that may take 2 seconds. */
const ANSWER_TIMEOUT_MS = 5_000;

/** Time for everything around the answers. A workflow that a broken-off command leaves behind ends by then too. */
const WORKFLOW_TIMEOUT_MS = ANSWER_TIMEOUT_MS + 10_000;

/** TypeScript compares the numbers with the enum's. Only its types are imported, as its package is large. */
const commandTypes: {
  scheduleActivity: temporal.api.enums.v1.CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK;
  completeWorkflow: temporal.api.enums.v1.CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION;
} = { scheduleActivity: 1, completeWorkflow: 4 };

type Command = temporal.api.command.v1.ICommand;
const END: Command = {
  commandType: commandTypes.completeWorkflow,
  completeWorkflowExecutionCommandAttributes: {},
};

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/**
 * Asks workers how they are, all at once. Only an activity reaches a certain worker, and only a workflow may start one. Its
 * workflow tasks are done here, so that the answers depend on no other worker: not on one that is full, dead or of another version.
 *
 * @returns the states by identity, without the workers that did not answer
 */
export async function askWorkers(
  session: Session,
  identities: readonly string[],
): Promise<ReadonlyMap<string, WorkerState>> {
  const { connection } = session.client;
  const deadline = Date.now() + WORKFLOW_TIMEOUT_MS;
  const events = await connection.withDeadline(deadline, () => runWorkflow(session, identities));
  return new Map(events.flatMap((event) => toAnswer(event, events)));
}

async function runWorkflow(
  { client, config }: Session,
  identities: readonly string[],
): Promise<readonly HistoryEvent[]> {
  const { workflowService } = client;
  const { namespace } = config.temporal;
  const workflowId = `doctor/${randomUUID()}`;
  const taskQueue = { name: workflowId };
  await workflowService.startWorkflowExecution({
    namespace,
    workflowId,
    requestId: randomUUID(),
    workflowType: { name: 'doctor' },
    taskQueue,
    workflowExecutionTimeout: msToTs(WORKFLOW_TIMEOUT_MS),
  });
  const handle = client.workflow.getHandle(workflowId);
  const doTask = async (getCommands: () => Promise<Command[]> | Command[]) => {
    const { taskToken } = await workflowService.pollWorkflowTaskQueue({ namespace, taskQueue });
    const commands = await getCommands();
    await workflowService.respondWorkflowTaskCompleted({ namespace, taskToken, commands });
  };
  await doTask(() =>
    identities.map((identity) => toCommand(toDescribeQueue(config.taskQueue, identity), identity)),
  );
  // Each answer brings a task, and so does each that is missing when its time is up.
  for (;;) {
    const events: HistoryEvent[] = [];
    await doTask(async () => {
      // Not `describe`: it knows of an answer that has come during this task, in which the workflow cannot end then.
      events.push(...((await handle.fetchHistory()).events ?? []));
      return events.filter(isEnded).length === identities.length ? [END] : [];
    });
    if (events.filter(isEnded).length === identities.length) return events;
  }
}

/** Whether an event is an answer, or says that there is none. */
function isEnded(event: HistoryEvent): boolean {
  return Boolean(
    event.activityTaskCompletedEventAttributes ??
      event.activityTaskFailedEventAttributes ??
      event.activityTaskTimedOutEventAttributes,
  );
}

function toCommand(queue: string, identity: string): Command {
  return {
    commandType: commandTypes.scheduleActivity,
    scheduleActivityTaskCommandAttributes: {
      activityId: identity,
      activityType: { name: DESCRIBE_WORKER },
      taskQueue: { name: queue },
      scheduleToCloseTimeout: msToTs(ANSWER_TIMEOUT_MS),
      retryPolicy: { maximumAttempts: 1 },
    },
  };
}

function toAnswer(
  { activityTaskCompletedEventAttributes: completed }: HistoryEvent,
  events: readonly HistoryEvent[],
): [identity: string, state: WorkerState][] {
  const [payload] = completed?.result?.payloads ?? [];
  if (!completed || !payload) return [];
  const isScheduled = ({ eventId }: HistoryEvent) => String(eventId) === String(completed.scheduledEventId);
  const identity = events.find(isScheduled)?.activityTaskScheduledEventAttributes?.activityId;
  const { data: state } = workerStateSchema.safeParse(defaultPayloadConverter.fromPayload(payload));
  return identity && state ? [[identity, state]] : [];
}
