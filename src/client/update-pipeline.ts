import { randomUUID } from 'node:crypto';
import {
  ApplicationFailure,
  type Client,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';

/** An update follows continue-as-new so often. A pipeline that continues more often meanwhile makes no progress. */
const MAX_RUNS = 5;

/** Failure type of an update that a run had accepted but not completed when it ended. */
const RUN_ENDED = 'AcceptedUpdateCompletedWorkflow';

/**
 * Sends an update to a pipeline and waits for its result. All attempts have the same update id and name the run, so that a run
 * applies the update once. If the run has continued as new, the update goes to the new run.
 *
 * @throws WorkflowUpdateFailedError with the message of the pipeline, if the pipeline rejects the update
 * @throws WorkflowNotFoundError if there is no such pipeline, or it has ended
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
  for (let runs = 1; ; runs += 1) {
    const handle = client.workflow.getHandle(workflowId, runId);
    try {
      return message === undefined
        ? await handle.executeUpdate<T, []>(name, { updateId })
        : await handle.executeUpdate<T, [object]>(name, { updateId, args: [message] });
    } catch (error) {
      const newest = hasRunEnded(error) && runs < MAX_RUNS ? await findRunId() : runId;
      if (newest === runId) throw withMessageOfPipeline(error);
      runId = newest;
    }
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
