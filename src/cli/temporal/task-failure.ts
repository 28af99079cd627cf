import type { WorkflowExecutionDescription } from '@temporalio/client';
import { readFailureMessage } from './decode-payloads.js';
import type { Session } from './session.js';

/** After the failure there are only events of messages, of which a stuck workflow gets few. */
const LATEST_EVENTS = 20;

/** A workflow task that fails again and again: it stops the workflow until a worker can do it. */
export interface TaskFailure {
  /** Number of the next attempt. */
  readonly attempt: number;
  /** Why the first attempt failed, the only one that Temporal keeps; absent if it timed out. */
  readonly reason?: string;
}

/** Reads why a workflow is stuck; `undefined` if its workflow task has not failed. */
export async function readTaskFailure(
  session: Session,
  { workflowId, runId, raw: { pendingWorkflowTask } }: WorkflowExecutionDescription,
): Promise<TaskFailure | undefined> {
  const { client, config } = session;
  const { attempt = 1 } = pendingWorkflowTask ?? {};
  if (attempt === null || attempt < 2) return undefined;
  const execution = { workflowId, runId };
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: config.temporal.namespace,
    execution,
    maximumPageSize: LATEST_EVENTS,
  });
  // Newest first. An older failure than this event is mended.
  const ended = history?.events?.find(
    (event) =>
      event.workflowTaskFailedEventAttributes ??
      event.workflowTaskTimedOutEventAttributes ??
      event.workflowTaskCompletedEventAttributes,
  );
  const failure = ended?.workflowTaskFailedEventAttributes?.failure;
  return { attempt, ...(failure && { reason: await readFailureMessage(session, failure) }) };
}
