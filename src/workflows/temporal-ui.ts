import type { SearchAttributePair } from '@temporalio/common';
import { upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { formatCount, toCodeSpan, toTemporalUiMarkdown } from '../shared/display-text.js';
import { describeFailureGroup, groupFailures } from '../shared/group-failures.js';
import type { PipelineProgress, PipelineReport } from '../shared/pipeline-report.js';
import { searchAttributes } from '../shared/search-attributes.js';

/** Lines of a section that the current details show, so that they stay well under 20,000 bytes. The report has them all. */
const SHOWN_LINES = 5;

const HELD_HELP =
  '**Held.** Fix the cause, then send the update `resume` (all that failed, or `{"runtimePaths": […]}`); or send `abandon`.';

/** The current details of a pipeline, as Markdown. */
export function renderCurrentDetails(progress: PipelineProgress): string {
  const { phase, outcome, counts, bytes, jobs, warnings } = progress;
  const cells = { phase: outcome === undefined ? phase : `${phase}: ${outcome}`, ...counts, bytes };
  return toTemporalUiMarkdown([
    `| ${Object.keys(cells).join(' | ')} |`,
    `|${'---|'.repeat(Object.keys(cells).length)}`,
    `| ${Object.values(cells).join(' | ')} |`,
    ...(phase === 'held' ? ['', HELD_HELP] : []),
    ...toSection(
      'Jobs that have a problem:',
      jobs.flatMap(({ problem }) => (problem ? toProblemLine(problem) : [])),
    ),
    ...toSection('Failures:', toFailureLines(progress)),
    ...toSection('Finish:', toStepLines(progress)),
    ...toSection(
      'Warnings:',
      warnings.map((warning) => `- ${toCodeSpan(warning)}`),
    ),
  ]);
}

/** A line for each cause. The report does not list all the failures of a large pipeline. */
function toFailureLines({ files, counts }: PipelineProgress): string[] {
  const failed = files.filter((file) => file.outcome === 'failed');
  const shown = groupFailures(failed).slice(0, SHOWN_LINES - 1);
  const others = counts.failed - shown.reduce((sum, { count }) => sum + count, 0);
  return [
    ...shown.map((group) => toProblemLine({ ...group.first, message: describeFailureGroup(group) })),
    ...(others > 0 ? [`- and ${formatCount(others)} more`] : []),
  ];
}

function toStepLines({ exportArchive, stopRuntime, next, onClose }: PipelineReport): string[] {
  return Object.entries({ exportArchive, stopRuntime, next, onClose }).flatMap(([name, step]) => {
    if (step === undefined) return [];
    const reason = step.outcome === 'failed' ? `: ${toCodeSpan(step.message)}` : '';
    return [`- ${name} ${step.outcome}${reason}`];
  });
}

function toSection(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, '', ...lines.slice(-SHOWN_LINES)];
}

function toProblemLine({ reasonClass, message }: { reasonClass?: string; message: string }): string {
  const text = toCodeSpan(message);
  return reasonClass === undefined ? `- ${text}` : `- ${toCodeSpan(reasonClass)} ${text}`;
}

/**
 * Updates the search attributes that the pipeline was started with, in one command, if any of them has changed. Call it when the
 * phase changes and not for every file: Temporal Cloud bills each command.
 */
export function upsertPipelineSearchAttributes({ phase, runId, counts }: PipelineProgress): void {
  const { typedSearchAttributes: current } = workflowInfo();
  const wanted: SearchAttributePair[] = [
    { key: searchAttributes.phase, value: phase },
    { key: searchAttributes.filesCollected, value: counts.collected + counts.kept },
    { key: searchAttributes.filesFailed, value: counts.failed },
    ...(runId === undefined ? [] : [{ key: searchAttributes.runId, value: runId }]),
  ];
  const changed = wanted.filter(({ key, value }) => {
    const before = current.get(key);
    return before !== undefined && before !== value;
  });
  if (changed.length > 0) upsertSearchAttributes(changed);
}

/** Why a pipeline failed: the message of its failure, in one sentence. `cause` follows the number of failed files. */
export function describeFailure(report: PipelineReport, cause = ''): string {
  const { counts, jobs, outcome, exportArchive, stopRuntime } = report;
  const [job, ...otherJobs] = jobs.flatMap(({ problem }) => problem?.message ?? []);
  const reasons = [
    job !== undefined && (otherJobs.length === 0 ? job : `${job} (and ${otherJobs.length} more)`),
    counts.failed > 0 && `${counts.failed} of ${counts.files} files could not be collected${cause}`,
    exportArchive?.outcome === 'failed' && 'the archive could not be made',
    stopRuntime?.outcome === 'failed' && 'the runtime could not be stopped',
  ];
  const sentence = reasons.filter((reason) => reason !== false).join('; ');
  return outcome === 'abandoned' ? `abandoned: ${sentence}` : sentence;
}

/** What is wrong with a pipeline, with the most frequent cause, in one sentence; `''` if nothing is. */
export function describeProblem(report: PipelineReport): string {
  if (report.outcome === 'cancelled') return 'the pipeline was cancelled';
  const [group] = groupFailures(report.files.filter((file) => file.outcome === 'failed'));
  const cause = group && ` (${group.first.reasonClass} ${describeFailureGroup(group)})`;
  return describeFailure(report, cause);
}
