import type { PipelineReport } from '../shared/pipeline-report.js';

/** Why a pipeline failed, in one sentence for the UI's list and the terminal. */
export function describeFailure({
  counts,
  jobs,
  outcome,
  exportArchive,
  stopRuntime,
}: PipelineReport): string {
  const problems = jobs.flatMap(({ problem }) => problem?.message ?? []);
  const [job, ...furtherJobs] = problems;
  const reasons = [
    ...(job === undefined
      ? []
      : [furtherJobs.length === 0 ? job : `${job} (and ${furtherJobs.length} more)`]),
    ...(counts.failed > 0 ? [`${counts.failed} of ${counts.files} files could not be collected`] : []),
    ...(exportArchive?.outcome === 'failed' ? ['the archive could not be made'] : []),
    ...(stopRuntime?.outcome === 'failed' ? ['the runtime could not be stopped'] : []),
  ];
  return `${outcome === 'abandoned' ? 'abandoned: ' : ''}${reasons.join('; ')}`;
}
