import type { WorkflowExecutionInfo } from '@temporalio/client';
import { getPipelineHandle } from '../../client/pipeline-handle.js';
import { DecryptionError } from '../../encryption/encryption-codec.js';
import { searchAttributes } from '../../shared/search-attributes.js';
import { describeCause } from '../output/cause-text.js';
import { isPipelineReport } from '../output/report-lines.js';
import { mapLimited } from '../temporal/map-limited.js';
import type { Session } from '../temporal/session.js';
import { awaitResult } from '../temporal/wait-for-result.js';
import { listPendingRetries } from '../temporal/workflow-snapshot.js';

type Run = Pick<WorkflowExecutionInfo, 'workflowId' | 'runId' | 'status' | 'typedSearchAttributes'>;

/** For all reasons of a list together: without a worker no running pipeline answers. */
const TIMEOUT_MS = 5_000;

/**
 * Reads why pipelines failed, are held or retry: with at most two requests for each, and within 5 seconds in all. A reason is
 * empty where there is none, and `undefined` if it could not be read.
 */
export async function readReasons(
  session: Session,
  pipelines: readonly Run[],
): Promise<(string | undefined)[]> {
  const deadlineMs = Date.now() + TIMEOUT_MS;
  return await mapLimited(pipelines, async (info) => {
    if (Date.now() >= deadlineMs) return undefined;
    const read = () => readReason(session, info);
    return await session.client.withDeadline(deadlineMs, read).catch((error: unknown) => {
      return error instanceof DecryptionError ? error.message : undefined;
    });
  });
}

async function readReason(session: Session, info: Run): Promise<string> {
  switch (info.status.name) {
    case 'RUNNING':
      return await readRunningReason(session, info);
    case 'FAILED': {
      const { result, failure } = await readClosedRun(session, info);
      return (isPipelineReport(result) ? describeCause(result) : undefined) ?? failure?.message ?? '';
    }
    default:
      return '';
  }
}

/** The result of a run that has closed, not that of a run after it. */
export async function readClosedRun(
  { client }: Session,
  { workflowId, runId }: Pick<Run, 'workflowId' | 'runId'>,
) {
  return await awaitResult(client.workflow.getHandle(workflowId, runId, { followRuns: false }));
}

async function readRunningReason(
  session: Session,
  { workflowId, typedSearchAttributes: attributes }: Run,
): Promise<string> {
  const { client } = session;
  const phase = attributes.get(searchAttributes.phase);
  // Without search attributes only the pipeline knows.
  if (phase === undefined || phase === 'held' || (attributes.get(searchAttributes.filesFailed) ?? 0) > 0) {
    const cause = describeCause(await getPipelineHandle(client, workflowId).progress());
    if (cause !== undefined) return cause;
  }
  const description = await client.workflow.getHandle(workflowId).describe();
  const retries = await listPendingRetries(session, description, Date.now());
  const [retry] = retries.toSorted((a, b) => b.attempt - a.attempt);
  return retry === undefined ? '' : `attempt ${retry.attempt} after ${withoutSubject(retry.reason)}`;
}

/** The class and the response: a column has no room for what the request was about. */
function withoutSubject(reason: string): string {
  return reason.replace(/^(\w+): .*?(?:GET|POST) \S+ (?:returned )?/, '$1: ');
}
