import { WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import { getPipelineHandle, type PipelineHandle } from '../../client/pipeline-handle.js';
import { DecryptionError } from '../../encryption/encryption-codec.js';
import { ExitError, exitCodes } from '../../exit.js';
import { toCommand } from '../output/command.js';
import { findPipeline, type WorkflowRef } from './find-pipelines.js';
import { describeOutage, isOutage, type Session, toExitError } from './session.js';

/** If a worker dies with the update, its workflow task times out after 10 s, and another worker takes over. */
const UPDATE_TIMEOUT_MS = 15_000;

/** Time to find out why an update got no response. */
const DESCRIBE_TIMEOUT_MS = 5_000;

/**
 * Sends an update to a pipeline and waits for its result, for at most 15 seconds.
 *
 * @throws ExitError `unreachable` if the outcome of the update is unknown
 */
export async function updatePipeline<T>(
  session: Session,
  { handle: { workflowId } }: WorkflowRef,
  send: (pipeline: PipelineHandle) => Promise<T>,
): Promise<T> {
  const { client, config } = session;
  const pipeline = getPipelineHandle(client, workflowId);
  try {
    return await client.withDeadline(Date.now() + UPDATE_TIMEOUT_MS, () => send(pipeline));
  } catch (error) {
    if (error instanceof DecryptionError) {
      const problem = `${error.message}; ${mayBeApplied(workflowId)}`;
      throw new ExitError(exitCodes.unreachable, `its response cannot be read: ${problem}`);
    }
    const isUnanswered =
      error instanceof WorkflowUpdateRPCTimeoutOrCancelledError ||
      toExitError(error, config)?.code === exitCodes.unreachable;
    throw isUnanswered ? await explainMissingResponse(session, workflowId) : error;
  }
}

async function explainMissingResponse(session: Session, workflowId: string): Promise<ExitError> {
  const { client, config } = session;
  const help = mayBeApplied(workflowId);
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

function mayBeApplied(workflowId: string): string {
  return `the update may have been applied, see ${toCommand('status', workflowId)}`;
}

export function noWorkerError(taskQueue: string, timeoutMs: number, help: string): ExitError {
  const problem = `no worker on task queue "${taskQueue}" answered within ${timeoutMs / 1_000} s`;
  return new ExitError(exitCodes.unreachable, `${problem}; ${help}`);
}
