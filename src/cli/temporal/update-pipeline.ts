import { randomUUID } from 'node:crypto';
import {
  ApplicationFailure,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ExitError, exitCodes } from '../../exit.js';
import { findPipeline, type WorkflowRef } from './find-pipelines.js';
import { describeOutage, isOutage, type Session, toExitError } from './session.js';

/** If a worker dies with the update, its workflow task times out after 10 s, and another worker takes over. */
const UPDATE_TIMEOUT_MS = 15_000;

/** Time to find out why an update got no response. */
const DESCRIBE_TIMEOUT_MS = 5_000;

/** An update follows continue-as-new so often. A pipeline that continues more often in 15 s makes no progress. */
const MAX_RUNS = 5;

/** Failure type of an update that a run had accepted but not completed when it ended. */
const RUN_ENDED = 'AcceptedUpdateCompletedWorkflow';

/**
 * Sends an update to a pipeline and waits for its result. All attempts have the same update id, so that a run applies the
 * update once. If the run has continued as new, the update goes to the new run.
 *
 * @throws ExitError `usage` if the pipeline rejects the update, `unreachable` if its outcome is unknown
 */
export async function updatePipeline<T>(
  session: Session,
  { handle: { workflowId }, description }: WorkflowRef,
  name: string,
  message?: object,
): Promise<T> {
  const { client } = session;
  const updateId = randomUUID();
  const deadline = Date.now() + UPDATE_TIMEOUT_MS;
  const send = (runId: string) => {
    const handle = client.workflow.getHandle(workflowId, runId);
    const update = () =>
      message === undefined
        ? handle.executeUpdate<T, []>(name, { updateId })
        : handle.executeUpdate<T, [object]>(name, { updateId, args: [message] });
    return client.withDeadline(deadline, update);
  };
  let { runId } = description;
  for (let runs = 1; ; runs += 1) {
    try {
      return await send(runId);
    } catch (error) {
      if (isUnanswered(error, session)) throw await explainMissingResponse(session, workflowId);
      const newest = hasRunEnded(error) ? await findPipeline(session, workflowId) : undefined;
      const isNewRun = newest !== undefined && newest.description.runId !== runId;
      if (isNewRun && runs < MAX_RUNS) runId = newest.description.runId;
      else if (error instanceof WorkflowUpdateFailedError) {
        throw new ExitError(exitCodes.usage, error.cause?.message ?? error.message);
      } else throw error;
    }
  }
}

function isUnanswered(error: unknown, { config }: Session): boolean {
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return true;
  return toExitError(error, config)?.code === exitCodes.unreachable;
}

function hasRunEnded(error: unknown): boolean {
  if (error instanceof WorkflowNotFoundError) return true;
  const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
  return cause instanceof ApplicationFailure && cause.type === RUN_ENDED;
}

async function explainMissingResponse(session: Session, workflowId: string): Promise<ExitError> {
  const { client, config } = session;
  const help = `the update may have been applied, see bctrl-temporal status ${workflowId}`;
  try {
    const find = () => findPipeline(session, workflowId);
    const { description } = await client.withDeadline(Date.now() + DESCRIBE_TIMEOUT_MS, find);
    if (description.status.name === 'RUNNING')
      return noWorkerError(description.taskQueue, UPDATE_TIMEOUT_MS, help);
    return new ExitError(exitCodes.unreachable, `the pipeline has ended in the meantime; ${help}`);
  } catch (error) {
    if (!isOutage(error)) throw error;
    return new ExitError(exitCodes.unreachable, `${describeOutage(error, config)}; ${help}`);
  }
}

export function noWorkerError(taskQueue: string, timeoutMs: number, help: string): ExitError {
  const problem = `no worker on task queue "${taskQueue}" answered within ${timeoutMs / 1_000} s`;
  return new ExitError(exitCodes.unreachable, `${problem}; ${help}`);
}
