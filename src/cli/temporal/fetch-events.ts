import type { WorkflowHandle } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { grpcStatus } from '../../client/grpc-status.js';
import { toMessage } from '../../shared/display-text.js';
import { hasStatus, type Session } from './session.js';

export type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

interface Run {
  readonly workflowId: string;
  readonly runId: string;
}

/**
 * Fetches the history of a run.
 *
 * @throws WorkflowNotFoundError if Temporal has deleted the run
 */
export async function fetchEvents(
  { client }: Session,
  { workflowId, runId }: Run,
): Promise<readonly HistoryEvent[]> {
  const fetching = client.workflow.getHandle(workflowId, runId).fetchHistory();
  return (await fetching.catch(rethrowNotFound({ workflowId, runId }))).events ?? [];
}

/**
 * Fetches the latest events of a run, the newest one first.
 *
 * @throws WorkflowNotFoundError if Temporal has deleted the run
 */
export async function fetchLatestEvents(
  { client, config }: Session,
  { workflowId, runId }: Run,
  count: number,
): Promise<readonly HistoryEvent[]> {
  const fetching = client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: config.temporal.namespace,
    execution: { workflowId, runId },
    maximumPageSize: count,
  });
  return (await fetching.catch(rethrowNotFound({ workflowId, runId }))).history?.events ?? [];
}

/** The SDK's client converts this error of gRPC itself, except where it reads histories. */
function rethrowNotFound({ workflowId, runId }: Run) {
  return (error: unknown): never => {
    if (!hasStatus(error, grpcStatus.NOT_FOUND)) throw error;
    throw new WorkflowNotFoundError(toMessage(error), workflowId, runId);
  };
}
