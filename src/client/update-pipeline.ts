import { randomUUID } from 'node:crypto';
import {
  ApplicationFailure,
  type Client,
  type WorkflowHandle,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';

/** An update follows continue-as-new so often. A pipeline that continues more often meanwhile makes no progress. */
const MAX_RUNS = 5;

/**
 * Time for one attempt, after which the state of the run is looked at. If a run continues as new before it has accepted an
 * update, the server refuses every repetition to that run as one that may pass, and the SDK repeats it for half a minute.
 */
const ATTEMPT_TIMEOUT_MS = 3_000;

/** Failure type of an update that a run had accepted but not completed when it ended. */
const RUN_ENDED = 'AcceptedUpdateCompletedWorkflow';

/**
 * Sends an update to a pipeline and waits for its result. All attempts have the same update id and name the run, so that a run
 * applies the update once. If the run has continued as new without the update, the update goes to the new run.
 *
 * @throws WorkflowUpdateFailedError with the message of the pipeline, if the pipeline rejects the update
 * @throws WorkflowNotFoundError if there is no such pipeline, or it has ended
 * @throws WorkflowUpdateRPCTimeoutOrCancelledError if the caller's deadline is over, and the update may have been applied
 */
export async function updatePipeline<T>(
  client: Client,
  workflowId: string,
  name: string,
  message?: object,
): Promise<T> {
  const updateId = randomUUID();
  const findRunId = async () => (await client.workflow.getHandle(workflowId).describe()).runId;
  let runId = await findRunId();
  for (let runs = 1; ; ) {
    const run = client.workflow.getHandle(workflowId, runId);
    const send = () =>
      message === undefined
        ? run.executeUpdate<T, []>(name, { updateId })
        : run.executeUpdate<T, [object]>(name, { updateId, args: [message] });
    try {
      return await client.withDeadline(Date.now() + ATTEMPT_TIMEOUT_MS, send);
    } catch (error) {
      const hasTimedOut = error instanceof WorkflowUpdateRPCTimeoutOrCancelledError;
      if (hasTimedOut && !(await hasContinuedWithout(run, updateId, error))) continue;
      const newest = (hasTimedOut || hasRunEnded(error)) && runs < MAX_RUNS ? await findRunId() : runId;
      if (newest === runId) throw withMessageOfPipeline(error);
      runId = newest;
      runs += 1;
    }
  }
}

/**
 * Whether a run has continued as new and never accepted the update.
 *
 * @throws the error of the attempt if the run cannot be read, as when the caller's deadline is over
 */
async function hasContinuedWithout(run: WorkflowHandle, updateId: string, error: Error): Promise<boolean> {
  try {
    const { status } = await run.describe();
    if (status.name !== 'CONTINUED_AS_NEW') return false;
    const { events } = await run.fetchHistory();
    const isAccepted = events?.some(
      ({ workflowExecutionUpdateAcceptedEventAttributes: accepted }) =>
        accepted?.protocolInstanceId === updateId,
    );
    return !isAccepted;
  } catch {
    throw error;
  }
}

function hasRunEnded(error: unknown): boolean {
  if (error instanceof WorkflowNotFoundError) return true;
  const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
  return cause instanceof ApplicationFailure && cause.type === RUN_ENDED;
}

/** The SDK's own message only says that the update failed. */
function withMessageOfPipeline(error: unknown): unknown {
  if (!(error instanceof WorkflowUpdateFailedError)) return error;
  const { cause, message } = error;
  return new WorkflowUpdateFailedError(cause?.message ?? message, cause);
}
