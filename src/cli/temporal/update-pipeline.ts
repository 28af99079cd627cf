import {
  isGrpcDeadlineError,
  type WorkflowHandle,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { Exit, exitCodes } from '../../exit.js';
import type { Session } from './connect.js';

/** A worker that is there answers by then. */
const ANSWER_TIMEOUT_MS = 10_000;

/**
 * Sends an update to a pipeline and waits for the worker's answer.
 *
 * @throws Exit `usage` if the pipeline refuses it, `unreachable` if no worker answers
 */
export async function updatePipeline<T>(
  { client, config }: Session,
  handle: WorkflowHandle,
  name: string,
  message?: object,
): Promise<T> {
  const update = () =>
    message === undefined
      ? handle.executeUpdate<T, []>(name)
      : handle.executeUpdate<T, [object]>(name, { args: [message] });
  try {
    return await client.withDeadline(Date.now() + ANSWER_TIMEOUT_MS, update);
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) {
      throw new Exit(exitCodes.usage, error.cause?.message ?? error.message);
    }
    const isLate = error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || isGrpcDeadlineError(error);
    if (isLate) throw noWorker(config.taskQueue);
    throw error;
  }
}

/** Nobody has answered for a workflow in time. */
export function noWorker(taskQueue: string): Exit {
  return new Exit(
    exitCodes.unreachable,
    `no worker of task queue "${taskQueue}" answered within ${ANSWER_TIMEOUT_MS / 1_000} s; try again when one runs`,
  );
}
