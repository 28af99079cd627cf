import type { WorkflowExecutionDescription } from '@temporalio/client';
import { formatCount } from '../../shared/display-text.js';
import type { ReasonClass } from '../../shared/reason-class.js';
import { listProblems } from '../output/cause-text.js';
import { isPipelineReport } from '../output/report-lines.js';
import { nextStepAfterEnd } from '../output/status-text.js';
import { describeNewestRuns, listPipelines, unlessDeleted } from '../temporal/find-pipelines.js';
import { mapLimited } from '../temporal/map-limited.js';
import type { Session } from '../temporal/session.js';
import { readClosedRun } from './read-reason.js';

interface FailedFilter {
  /** The pipelines ended within so many milliseconds. Default: at any time. */
  readonly sinceMs?: number | undefined;
  readonly runtimeId?: string | undefined;
  /** Something failed with one of these classes. Default: whatever failed. */
  readonly classes?: readonly ReasonClass[] | undefined;
}

export interface FailedPipelines {
  readonly workflowIds: readonly string[];
  /** What became of the other pipelines that had failed, for a person. */
  readonly others: string;
}

/** Pipelines that failed or timed out, whose newest run did so. Nobody has abandoned, cancelled or terminated them. */
export async function selectFailed(
  session: Session,
  { sinceMs, runtimeId, classes }: FailedFilter,
): Promise<FailedPipelines> {
  const failedSince = new Date(sinceMs === undefined ? 0 : Date.now() - sinceMs);
  const ids = new Set<string>();
  for await (const run of listPipelines(session, { failedSince, runtimeId })) ids.add(run.workflowId);
  const newest = await describeNewestRuns(session, [...ids]);
  const found = await mapLimited(newest, async (run) => {
    const hasFailed = run.status.name === 'FAILED' || run.status.name === 'TIMED_OUT';
    return hasFailed ? await judge(session, run, classes) : 'left';
  });
  const nothingLeft = found.filter((each) => each === 'nothing left').length;
  const countOf = (name: string) => newest.filter(({ status }) => status.name === name).length;
  const [running, completed] = [countOf('RUNNING'), countOf('COMPLETED')];
  const others = [
    ...(running > 0 ? [`${formatCount(running)} running again`] : []),
    ...(completed > 0 ? [`${formatCount(completed)} completed since`] : []),
    ...(nothingLeft > 0 ? [`${formatCount(nothingLeft)} with no file left to collect`] : []),
  ];
  return {
    workflowIds: newest.filter((_, index) => found[index] === 'to rerun').map(({ workflowId }) => workflowId),
    others: others.join(', '),
  };
}

/** Somebody has decided to leave an abandoned pipeline as it is. One that lacks no file, `rerun` would refuse. */
async function judge(
  session: Session,
  run: WorkflowExecutionDescription,
  classes: readonly ReasonClass[] | undefined,
): Promise<'to rerun' | 'nothing left' | 'left'> {
  const closed = await unlessDeleted(readClosedRun(session, run));
  if (closed === undefined) return 'left';
  const { result, failure } = closed;
  const report = isPipelineReport(result) ? result : undefined;
  if (report?.outcome === 'abandoned') return 'left';
  if (nextStepAfterEnd(run, { report, failureType: failure?.type }) === undefined) return 'nothing left';
  if (classes === undefined) return 'to rerun';
  const found = report ? listProblems(report).map(({ reasonClass }) => reasonClass) : [failure?.type];
  return classes.some((each) => found.includes(each)) ? 'to rerun' : 'left';
}
