import { formatCount } from '../../shared/format-count.js';
import type { PipelineProgress } from '../../shared/pipeline-report.js';
import type { WorkflowSnapshot } from '../temporal/workflow-snapshot.js';
import { formatBytes } from './format-bytes.js';
import { formatDuration } from './format-duration.js';
import { type Colors, truncate } from './lines.js';
import { describeRetry, nextStep } from './status-text.js';

export interface LiveView {
  readonly columns: number;
  readonly colors: Colors;
  readonly filesPerSecond: number;
  /** Since somebody looks. */
  readonly elapsedMs: number;
}

/** What is listed leaves room on a small terminal for what was there before. */
const MOST_RETRIES = 5;

const WIDE_COLUMNS = 100;
const WIDE_BAR = 30;
const NARROW_BAR = 16;

/** What a terminal shows of a workflow at a moment: no line is longer than it is wide. */
export function liveLines(snapshot: WorkflowSnapshot, view: LiveView): string[] {
  const { retries } = snapshot;
  const { colors, columns } = view;
  const shown = retries.toSorted((a, b) => a.inMs - b.inMs).slice(0, MOST_RETRIES);
  const more = retries.length - shown.length;
  const help = nextStep(snapshot);
  return (
    [
      headLine(snapshot.progress, view),
      ...shown.map((retry) => `  ${colors.yellow('retry')} ${withoutRequest(describeRetry(retry))}`),
      ...(more > 0 ? [colors.dim(`  and ${formatCount(more)} more retries`)] : []),
    ]
      .map((line) => truncate(line, columns))
      // The end of a command says more than the middle of the id in it.
      .concat(help === undefined ? [] : [truncate(colors.bold(help), columns, 'middle')])
  );
}

function headLine(progress: PipelineProgress | undefined, view: LiveView): string {
  const elapsed = view.colors.dim(formatDuration(view.elapsedMs));
  if (progress === undefined) return `running  ${elapsed}`;
  const { phase, counts, bytes } = progress;
  if (phase === 'waiting') return `waiting for the jobs  ${elapsed}`;
  const { files, collected, kept, failed } = counts;
  const there = collected + kept;
  const share = files === 0 ? 0 : there / files;
  return [
    phase,
    bar(share, failed / Math.max(files, 1), view),
    `${String(Math.floor(share * 100)).padStart(3)}%`,
    `${formatCount(there)} of ${formatCount(files)}`,
    ...(failed > 0 ? [view.colors.red(`${formatCount(failed)} failed`)] : []),
    formatBytes(bytes),
    ...(view.filesPerSecond > 0 ? [`${formatRate(view.filesPerSecond)} files/s`] : []),
    elapsed,
  ].join('  ');
}

function bar(share: number, failedShare: number, { columns, colors }: LiveView): string {
  const width = columns < WIDE_COLUMNS ? NARROW_BAR : WIDE_BAR;
  const full = Math.floor(share * width);
  // A single failure among thousands is seen too.
  const failed = failedShare === 0 ? 0 : Math.min(Math.max(1, Math.round(failedShare * width)), width - full);
  const rest = width - full - failed;
  return colors.green('█'.repeat(full)) + colors.red('▒'.repeat(failed)) + colors.dim('░'.repeat(rest));
}

function formatRate(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : formatCount(Math.round(perSecond));
}

/** A line has no room for what was asked: how it was answered says more. */
function withoutRequest(text: string): string {
  return text.replace(/ (GET|POST) \S+/, '');
}
