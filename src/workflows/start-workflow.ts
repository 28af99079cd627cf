import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { startChild, workflowInfo } from '@temporalio/workflow';
import { isAtMostBytes } from '../shared/bounded-string.js';
import { shortSha256 } from '../shared/keys.js';
import type { NextWorkflow } from '../shared/pipeline-input.js';
import type { StartedWorkflow } from '../shared/pipeline-report.js';

/** Temporal refuses a longer workflow id, and with it the workflow task. */
const MAX_WORKFLOW_ID_BYTES = 1_000;

interface WorkflowKey {
  /** Becomes the workflow id. Starting a workflow with a key that was used before starts nothing. */
  readonly key: string;
  /** Stands before the hash of a key that is too long. */
  readonly hashedPrefix: string;
}

/** Starts a workflow that outlives this one. */
export async function startWorkflow(
  { workflowType, taskQueue = workflowInfo().taskQueue }: NextWorkflow,
  { key, hashedPrefix }: WorkflowKey,
  argument: unknown,
): Promise<StartedWorkflow> {
  const workflowId = isAtMostBytes(key, MAX_WORKFLOW_ID_BYTES) ? key : `${hashedPrefix}/${shortSha256(key)}`;
  try {
    await startChild(workflowType, {
      workflowId,
      taskQueue,
      args: [argument],
      parentClosePolicy: 'ABANDON',
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  return { outcome: 'started', workflowId };
}
