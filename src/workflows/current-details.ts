import type { PipelineProgress, PipelineReport } from '../shared/pipeline-report.js';
import { toTemporalUiMarkdown } from '../shared/to-markdown.js';

/** Lines of a kind that the details show; the report has them all. */
const SHOWN = 5;

/** What to do about a held pipeline, for who finds it in the Temporal UI. */
const holdHelp =
  '**Held.** Mend the cause, then send the update `resume` (all that failed, or `{"runtimePaths": […]}`); or send `abandon`.';

/** The current details of a pipeline: Markdown, well under the 20,000 bytes that Temporal takes. */
export function renderCurrentDetails(progress: PipelineProgress): string {
  const { phase, outcome, counts, bytes, jobs, files, warnings } = progress;
  const cells = { phase: outcome === undefined ? phase : `${phase}: ${outcome}`, ...counts, bytes };
  const failures = files.flatMap((file) => (file.outcome === 'failed' ? toLine(file) : []));
  const lines = [
    `| ${Object.keys(cells).join(' | ')} |`,
    `|${'---|'.repeat(Object.keys(cells).length)}`,
    `| ${Object.values(cells).join(' | ')} |`,
    ...(phase === 'held' ? ['', holdHelp] : []),
    ...section(
      'Jobs that have a problem:',
      jobs.flatMap(({ problem }) => (problem ? toLine(problem) : [])),
    ),
    ...section('Last failures:', failures),
    ...section('Finish:', finishLines(progress)),
    ...section(
      'Warnings:',
      warnings.map((warning) => `- ${warning}`),
    ),
  ];
  return toTemporalUiMarkdown(lines);
}

function finishLines({ exportArchive, stopRuntime, next }: PipelineReport): string[] {
  return Object.entries({ exportArchive, stopRuntime, next }).flatMap(([name, step]) => {
    if (step === undefined) return [];
    const why = step.outcome === 'failed' ? `: ${step.message}` : '';
    return [`- ${name} ${step.outcome}${why}`];
  });
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, '', ...lines.slice(-SHOWN)];
}

function toLine({ reasonClass, message }: { reasonClass?: string; message: string }): string {
  return reasonClass === undefined ? `- ${message}` : `- \`${reasonClass}\` ${message}`;
}
