import type { WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client';
import { ExitError, exitCodes } from '../../exit.js';
import { COLLECT_FILE, POST_RUN_PIPELINE } from '../../shared/names.js';
import type { Session } from './connect.js';

export interface WorkflowRef {
  readonly handle: WorkflowHandle;
  readonly description: WorkflowExecutionDescription;
}

/** @throws Exit `usage` if the workflow is none of this package's */
export async function findWorkflow({ client }: Session, workflowId: string): Promise<WorkflowRef> {
  const handle = client.workflow.getHandle(workflowId);
  const description = await handle.describe();
  const { type } = description;
  if (type !== POST_RUN_PIPELINE && type !== COLLECT_FILE) {
    throw new ExitError(exitCodes.usage, `"${workflowId}" is a workflow of type ${type}`);
  }
  return { handle, description };
}

/** @throws Exit `usage` if the workflow is no pipeline */
export async function findPipeline(session: Session, workflowId: string): Promise<WorkflowRef> {
  const found = await findWorkflow(session, workflowId);
  if (found.description.type === POST_RUN_PIPELINE) return found;
  throw new ExitError(exitCodes.usage, `"${workflowId}" collects one file and is no pipeline`);
}
