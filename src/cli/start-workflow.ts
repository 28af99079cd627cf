import { WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client';
import type { Session } from './connect.js';
import type { Io } from './io.js';
import { uiLink } from './ui-link.js';

export interface WorkflowToStart {
  readonly workflowType: string;
  readonly workflowId: string;
  readonly input: object;
  /** One line for the Temporal UI, at most 400 bytes. */
  readonly summary: string;
  /** Markdown for the Temporal UI, at most 20,000 bytes. */
  readonly details: string;
  /** Run it although one of the same id has ended. */
  readonly again?: boolean | undefined;
}

export interface StartedWorkflow {
  readonly handle: WorkflowHandle;
  readonly isRunning: boolean;
}

/** Starts a workflow, or finds the one that the same job has already; says which, and where to look at it. */
export async function startWorkflow(
  session: Session,
  { stderr }: Io,
  workflow: WorkflowToStart,
): Promise<StartedWorkflow> {
  const { workflowId } = workflow;
  const isNew = await tryStart(session, workflow);
  const handle = session.client.workflow.getHandle(workflowId);
  const isRunning = isNew || (await handle.describe()).status.name === 'RUNNING';
  const link = uiLink(session.config, workflowId);
  const found = isRunning ? 'attached to' : 'ended already (--again runs it anew):';
  stderr.write(`${isNew ? 'started' : found} ${workflowId}\n`);
  if (link !== undefined) stderr.write(`${link}\n`);
  return { handle, isRunning };
}

/** `false`: one of the same id is there, running or ended. */
async function tryStart({ client, config }: Session, workflow: WorkflowToStart): Promise<boolean> {
  const { workflowType, workflowId, input, summary, details, again } = workflow;
  try {
    await client.workflow.start(workflowType, {
      workflowId,
      taskQueue: config.taskQueue,
      args: [input],
      staticSummary: summary,
      staticDetails: details,
      workflowIdReusePolicy: again ? 'ALLOW_DUPLICATE' : 'REJECT_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}
