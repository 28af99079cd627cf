import { createHash } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { sourceAndDestination } from '../shared/file-key.js';
import { SHORT_SHA256_LENGTH } from '../shared/short-sha256.js';

/** The collection key of an activity that was given none: stable over its attempts, not over resets of its workflow. */
export function defaultCollectionKey(): string {
  const { workflowExecution, activityRunId, activityId } = Context.current().info;
  const { workflowId, runId } = workflowExecution ?? { workflowId: '', runId: activityRunId };
  return [workflowId, runId, activityId].join('/');
}

/**
 * The collection key of one file. What the workflow calls `fileIdentity` is made by Node's own SHA-256 here, which takes a fifth
 * of the time.
 */
export function toCollectionKey(prefix: string, file: Parameters<typeof sourceAndDestination>[0]): string {
  const identity = createHash('sha256')
    .update(sourceAndDestination(file))
    .digest('hex')
    .slice(0, SHORT_SHA256_LENGTH);
  return `${prefix}/${identity}`;
}
