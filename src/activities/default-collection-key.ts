import { Context } from '@temporalio/activity';

/** The collection key of an activity that was given none: stable over its attempts, not over resets of its workflow. */
export function defaultCollectionKey(): string {
  const { workflowExecution, activityRunId, activityId } = Context.current().info;
  const { workflowId, runId } = workflowExecution ?? { workflowId: '', runId: activityRunId };
  return [workflowId, runId, activityId].join('/');
}
