import type { WorkflowExecutionInfo } from '@temporalio/client';
import { ExitError, exitCodes } from '../../exit.js';
import { type PipelineFilter, visibilityQuery } from '../../shared/visibility-query.js';
import type { Session } from './connect.js';
import { isUnknownSearchAttribute } from './is-unknown-attribute.js';

/**
 * The pipelines of a filter, the newest first.
 *
 * @throws Exit `usage` if the filter needs search attributes that the server does not know
 */
export async function* listPipelines(
  { client }: Session,
  filter: PipelineFilter,
): AsyncGenerator<WorkflowExecutionInfo> {
  try {
    yield* client.workflow.list({ query: visibilityQuery(filter) });
  } catch (error) {
    if (!isUnknownSearchAttribute(error)) throw error;
    throw new ExitError(
      exitCodes.usage,
      'Temporal does not know the search attributes of pipelines: bctrl-temporal setup registers them',
    );
  }
}
