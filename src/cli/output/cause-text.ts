import { formatCount, truncatePath } from '../../shared/display-text.js';
import { groupFailures } from '../../shared/group-failures.js';
import type { PipelineReport, Problem } from '../../shared/pipeline-report.js';
import { withoutRequest } from './status-text.js';

/** Every problem of a report: of files, jobs and steps. */
export function listProblems({ files, jobs, exportArchive, stopRuntime }: PipelineReport): Problem[] {
  return [
    ...files.filter((file) => file.outcome === 'failed'),
    ...jobs.flatMap(({ problem }) => problem ?? []),
    ...[exportArchive, stopRuntime].flatMap((step) => (step?.outcome === 'failed' ? step : [])),
  ];
}

/**
 * The first cause of a report's failures in one line: without method and path of the request, and without the file's path, which
 * would leave no room for the cause. `undefined` without failures.
 */
export function describeCause(report: PipelineReport): string | undefined {
  const [group] = groupFailures(report.files.filter((file) => file.outcome === 'failed'));
  const [problem] = listProblems(report);
  const first = group?.first ?? problem;
  if (first === undefined) return undefined;
  const path = group && `${truncatePath(group.first.runtimePath)}: `;
  const { message, reasonClass = '' } = first;
  const ofAll = path !== undefined && message.startsWith(path) ? message.slice(path.length) : message;
  const cause = withoutRequest(ofAll).replace(/^returned /, '');
  const many = group && group.count > 1 ? `×${formatCount(group.count)}` : '';
  const head = [reasonClass, many].filter((text) => text !== '').join(' ');
  return head === '' ? cause : `${head}: ${cause}`;
}
