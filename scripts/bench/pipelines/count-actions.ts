/** As much of a history event as the rules look at; protobuf's optional fields may be null. */
export interface CountedEvent {
  readonly workflowTaskCompletedEventId: string | undefined;
  readonly kind: string;
  /** Of an `activityTaskStarted`: which attempt it is. */
  readonly attempt?: number | undefined;
}

/** What an event of this kind is billed with. The kinds are the names of the event's attributes. */
const rules: Readonly<Record<string, number>> = {
  // By a client, by continue-as-new or by a retry: each run has one.
  workflowExecutionStarted: 1,
  activityTaskScheduled: 1,
  timerStarted: 1,
  workflowExecutionSignaled: 1,
  signalExternalWorkflowExecutionInitiated: 1,
  workflowExecutionUpdateAccepted: 1,
  upsertWorkflowSearchAttributes: 1,
  workflowPropertiesModified: 1,
  workflowExecutionOptionsUpdated: 1,
  // The intent and the child's own start, which is in the history of the child only.
  startChildWorkflowExecutionInitiated: 2,
  nexusOperationScheduled: 1,
  nexusOperationCancelRequested: 1,
};

/**
 * Temporal Actions of the runs of one workflow, by the rules of Temporal Cloud's price list
 * (https://docs.temporal.io/cloud/actions), as far as a history tells them:
 *
 * - one for each start of a run, timer, signal, update, upsert of search attributes or memo, Nexus operation;
 *   two for each child workflow;
 * - one for each attempt of an activity. Temporal writes no event for an attempt that is retried; the last one says in
 *   `ActivityTaskStarted` which it was;
 * - one for all markers of one workflow task (local activities, versions).
 *
 * Heartbeats, queries and refused updates leave no event: whoever wants them has to count them elsewhere.
 */
export function countActions(events: readonly CountedEvent[]): number {
  let actions = 0;
  const tasksWithMarkers = new Set<string | undefined>();
  for (const { kind, attempt, workflowTaskCompletedEventId } of events) {
    actions += rules[kind] ?? 0;
    if (kind === 'activityTaskStarted') actions += (attempt ?? 1) - 1;
    if (kind === 'markerRecorded') tasksWithMarkers.add(workflowTaskCompletedEventId);
  }
  return actions + tasksWithMarkers.size;
}
