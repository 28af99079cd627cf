import { createLogUpdate } from 'log-update';
import stringWidth from 'string-width';
import { formatCount } from '../../shared/display-text.js';
import { groupFailures } from '../../shared/group-failures.js';
import type { Output } from '../io.js';
import type { ShownProgress } from '../temporal/running-batches.js';
import type { WorkflowSnapshot } from '../temporal/workflow-snapshot.js';
import { formatBytes, formatDuration } from './format.js';
import { createStyle, type Style, toColoredText, truncate } from './lines.js';
import { failureText } from './report-lines.js';
import { describeRetry, type NextStep, nextStep, withoutRequest } from './status-text.js';

const DEFAULT_COLUMNS = 80;
const WIDE_COLUMNS = 100;
const WIDE_BAR = 30;
const NARROW_BAR = 16;

/** Leaves room for earlier output on a small terminal. */
const MAX_RETRIES = 5;
const MAX_CAUSES = 3;

/** Shows progress on a terminal, in a few lines that are rewritten with each snapshot. */
export class LiveDisplay {
  readonly #output: Output;
  readonly #update: ReturnType<typeof createLogUpdate>;
  readonly #rate = new Rate();
  readonly #startedMs = Date.now();
  /** The command that was shown last. */
  #command: string | undefined;

  constructor(output: Output) {
    this.#output = output;
    // log-update uses nothing of a stream but what `Output` declares.
    this.#update = createLogUpdate((output.unfiltered ?? output) as NodeJS.WriteStream);
  }

  show(snapshot: WorkflowSnapshot): void {
    const nowMs = Date.now();
    const { counts } = snapshot.progress ?? {};
    if (counts) this.#rate.add(counts.collected + counts.kept, nowMs);
    this.#showNextStep(nextStep(snapshot));
    const lines = toLines(snapshot, {
      columns: this.#output.columns ?? DEFAULT_COLUMNS,
      style: createStyle(this.#output),
      filesPerSecond: this.#rate.perSecond,
      elapsedMs: nowMs - this.#startedMs,
    });
    this.#update(lines.join('\n'));
  }

  log(line: string): void {
    this.#update.clear();
    const { unfiltered = this.#output } = this.#output;
    // The terminal itself breaks a long line, so that a command can be copied whole.
    unfiltered.write(`${toColoredText(line)}\n`);
  }

  clear(): void {
    this.#update.clear();
    this.#update.done();
  }

  /** A step stays above the progress, once for each time that it is needed. */
  #showNextStep(step: NextStep | undefined): void {
    if (step !== undefined && step.command !== this.#command) {
      this.log(createStyle(this.#output)('bold', step.text));
      this.log(`  ${step.command}`);
    }
    this.#command = step?.command;
  }
}

interface LiveView {
  readonly columns: number;
  readonly style: Style;
  readonly filesPerSecond: number;
  readonly elapsedMs: number;
}

/** The lines of a snapshot, none wider than the terminal. */
function toLines(snapshot: WorkflowSnapshot, view: LiveView): string[] {
  const { retries, progress } = snapshot;
  const { style, columns } = view;
  const shown = retries.toSorted((a, b) => a.inMs - b.inMs).slice(0, MAX_RETRIES);
  const more = retries.length - shown.length;
  const causes = groupFailures(progress?.files.filter((file) => file.outcome === 'failed') ?? []);
  return [
    toHeadline(progress, view),
    ...causes
      .slice(0, MAX_CAUSES)
      .map((cause) => `  ${style('red', 'failed')} ${withoutRequest(failureText(cause))}`),
    ...shown.map((retry) => `  ${style('yellow', 'retry')} ${withoutRequest(describeRetry(retry))}`),
    ...(more > 0 ? [style('dim', `  and ${formatCount(more)} more retries`)] : []),
  ].map((line) => truncate(toColoredText(line), columns));
}

function toHeadline(progress: ShownProgress | undefined, view: LiveView): string {
  const { style, elapsedMs, filesPerSecond, columns } = view;
  const elapsed = style('dim', formatDuration(elapsedMs));
  if (progress === undefined) return `running  ${elapsed}`;
  const { phase, step, counts, bytes } = progress;
  if (phase === 'waiting') return `waiting for the jobs  ${elapsed}`;
  const { files, collected, kept, failed } = counts;
  const stored = collected + kept;
  const share = files === 0 ? 0 : stored / files;
  const bar = toBar(share, failed / Math.max(files, 1), view);
  const rate = filesPerSecond > 0 && step === undefined ? `${formatRate(filesPerSecond)} files/s` : '';
  const toText = (...optional: readonly string[]) =>
    [
      step ?? phase,
      ...(step === undefined ? [bar, `${String(Math.floor(share * 100)).padStart(3)}%`] : []),
      `${formatCount(stored)} of ${formatCount(files)}`,
      ...(failed > 0 ? [style('red', `${formatCount(failed)} failed`)] : []),
      ...optional.filter((text) => text !== ''),
      elapsed,
    ].join('  ');
  const texts = [toText(formatBytes(bytes), rate), toText(formatBytes(bytes)), toText()];
  return texts.find((text) => stringWidth(text) <= columns) ?? toText();
}

function toBar(share: number, failedShare: number, { columns, style }: LiveView): string {
  const width = columns < WIDE_COLUMNS ? NARROW_BAR : WIDE_BAR;
  const full = Math.floor(share * width);
  // A single failure among thousands is still visible.
  const failed = failedShare === 0 ? 0 : Math.min(Math.max(1, Math.round(failedShare * width)), width - full);
  const rest = width - full - failed;
  return style('green', '█'.repeat(full)) + style('red', '▒'.repeat(failed)) + style('dim', '░'.repeat(rest));
}

function formatRate(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : formatCount(Math.round(perSecond));
}

/** Long enough for a steady rate, short enough to show a standstill. */
const RATE_WINDOW_MS = 5_000;

/** How fast a count has grown lately. */
class Rate {
  readonly #samples: { readonly count: number; readonly atMs: number }[] = [];

  add(count: number, atMs: number): void {
    this.#samples.push({ count, atMs });
    // Keeps one sample from before the window, as its beginning.
    while (this.#samples[1] !== undefined && this.#samples[1].atMs <= atMs - RATE_WINDOW_MS) {
      this.#samples.shift();
    }
  }

  /** 0 with fewer than two samples. */
  get perSecond(): number {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs === first.atMs) return 0;
    return Math.max(0, ((last.count - first.count) * 1_000) / (last.atMs - first.atMs));
  }
}
