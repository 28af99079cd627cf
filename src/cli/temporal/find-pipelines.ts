import type { WorkflowExecutionDescription, WorkflowExecutionInfo, WorkflowHandle } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { isUnknownSearchAttribute } from '../../client/search-attributes.js';
import { ExitError, exitCodes } from '../../exit.js';
import { COLLECT_FILE, POST_RUN_PIPELINE } from '../../shared/names.js';
import { type PipelineFilter, visibilityQuery } from '../../shared/search-attributes.js';
import { mapLimited } from './map-limited.js';
import type { Session } from './session.js';

export interface WorkflowRef {
  readonly handle: WorkflowHandle;
  readonly description: WorkflowExecutionDescription;
}

/** @throws ExitError `usage` for a workflow of a foreign type */
export async function findWorkflow({ client }: Session, workflowId: string): Promise<WorkflowRef> {
  const handle = client.workflow.getHandle(workflowId);
  const description = await handle.describe();
  const { type } = description;
  if (type === POST_RUN_PIPELINE || type === COLLECT_FILE) return { handle, description };
  throw new ExitError(exitCodes.usage, `"${workflowId}" is a workflow of type ${type}`);
}

/** @throws ExitError `usage` for a workflow that is not a pipeline */
export async function findPipeline(session: Session, workflowId: string): Promise<WorkflowRef> {
  const found = await findWorkflow(session, workflowId);
  if (found.description.type === POST_RUN_PIPELINE) return found;
  throw new ExitError(exitCodes.usage, `"${workflowId}" collects a single file and is not a pipeline`);
}

/**
 * Lists the runs of pipelines that match a filter: those that run first, then the last that ended. The listing lags a little.
 *
 * @throws ExitError `usage` if the filter needs search attributes that are not registered
 */
export async function* listPipelines(
  { client }: Session,
  filter: PipelineFilter,
): AsyncGenerator<WorkflowExecutionInfo> {
  try {
    yield* client.workflow.list({ query: visibilityQuery(filter) });
  } catch (error) {
    if (!isUnknownSearchAttribute(error)) throw error;
    const problem = 'the search attributes of pipelines are not registered: run bctrl-temporal setup';
    throw new ExitError(exitCodes.usage, problem);
  }
}

/**
 * Describes the newest run of each workflow id, which a listing may not know yet. Ids that no longer exist are left out.
 */
export async function describeNewestRuns(
  { client }: Session,
  workflowIds: readonly string[],
): Promise<WorkflowExecutionDescription[]> {
  const found = await mapLimited(workflowIds, (workflowId) =>
    unlessDeleted(client.workflow.getHandle(workflowId).describe()),
  );
  return found.filter((description) => description !== undefined);
}

/** What was read of a workflow; `undefined` if Temporal does not have it. A listing may still name one that was deleted. */
export async function unlessDeleted<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
