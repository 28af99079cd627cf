import { randomUUID } from 'node:crypto';
import {
  ApplicationFailure,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import type { StarterConfig } from '../../config.js';
import { ExitError, exitCodes } from '../../exit.js';
import { describeOutage, isOutage, type Session, toExitError } from './connect.js';
import { findPipeline, type WorkflowRef } from './find-workflow.js';

/** A worker that dies with the update in its hands costs the timeout of its workflow task, 10 s; then another one answers. */
const ANSWER_TIMEOUT_MS = 15_000;

/** Afterwards it is found out why there was no answer. */
const LOOK_TIMEOUT_MS = 5_000;

/** Continue-as-new ends a run that takes updates no more. A pipeline that does so again and again gets no further. */
const MAX_RUNS = 5;

/** The failure of an update that a run had accepted, but had not carried out when it ended. */
const RUN_ENDED = 'AcceptedUpdateCompletedWorkflow';

/**
 * Sends an update to a pipeline and waits for the worker's answer. Every attempt has the same update id, and is meant for
 * one run, which applies it once however often it arrives; a run that has continued as new passes it on to the next one.
 *
 * @throws Exit `usage` if the pipeline refuses it, `unreachable` if it is not known whether it was applied
 */
export async function updatePipeline<T>(
  session: Session,
  { handle: { workflowId }, description }: WorkflowRef,
  name: string,
  message?: object,
): Promise<T> {
  const { client } = session;
  const updateId = randomUUID();
  const deadline = Date.now() + ANSWER_TIMEOUT_MS;
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
      if (isUnanswered(error, session.config)) throw await explainSilence(session, workflowId);
      const newest = hasRunEnded(error) ? await findPipeline(session, workflowId) : undefined;
      const isNewRun = newest !== undefined && newest.description.runId !== runId;
      if (isNewRun && runs < MAX_RUNS) runId = newest.description.runId;
      else if (error instanceof WorkflowUpdateFailedError) {
        throw new ExitError(exitCodes.usage, error.cause?.message ?? error.message);
      } else throw error;
    }
  }
}

function isUnanswered(error: unknown, config: StarterConfig): boolean {
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return true;
  return toExitError(error, config)?.code === exitCodes.unreachable;
}

function hasRunEnded(error: unknown): boolean {
  if (error instanceof WorkflowNotFoundError) return true;
  const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
  return cause instanceof ApplicationFailure && cause.type === RUN_ENDED;
}

/** Why there was no answer, as far as it can be seen. */
async function explainSilence(session: Session, workflowId: string): Promise<ExitError> {
  const { client, config } = session;
  const help = `it may have been done: bctrl-temporal status ${workflowId}`;
  try {
    const look = () => findPipeline(session, workflowId);
    const { description } = await client.withDeadline(Date.now() + LOOK_TIMEOUT_MS, look);
    const { name } = description.status;
    if (name === 'RUNNING') return noWorkerError(config.taskQueue, ANSWER_TIMEOUT_MS, help);
    return new ExitError(exitCodes.unreachable, `it has ended meanwhile; ${help}`);
  } catch (error) {
    if (!isOutage(error)) throw error;
    return new ExitError(exitCodes.unreachable, `${describeOutage(error, config)}; ${help}`);
  }
}

/** Nobody has answered for a workflow in time. */
export function noWorkerError(taskQueue: string, timeoutMs: number, help: string): ExitError {
  const problem = `no worker of task queue "${taskQueue}" answered within ${timeoutMs / 1_000} s`;
  return new ExitError(exitCodes.unreachable, `${problem}; ${help}`);
}
