import type { WorkflowExecutionDescription } from '@temporalio/client';
import { readFailureMessage } from './decode-payloads.js';
import { fetchLatestEvents } from './fetch-events.js';
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
  description: WorkflowExecutionDescription,
): Promise<TaskFailure | undefined> {
  const { attempt = 1 } = description.raw.pendingWorkflowTask ?? {};
  if (attempt === null || attempt < 2) return undefined;
  const events = await fetchLatestEvents(session, description, LATEST_EVENTS);
  // An older failure than this event is mended.
  const ended = events.find(
    (event) =>
      event.workflowTaskFailedEventAttributes ??
      event.workflowTaskTimedOutEventAttributes ??
      event.workflowTaskCompletedEventAttributes,
  );
  const failure = ended?.workflowTaskFailedEventAttributes?.failure;
  return { attempt, ...(failure && { reason: await readFailureMessage(session, failure) }) };
}
