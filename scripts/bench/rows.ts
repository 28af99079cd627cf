import { formatCount, formatNumber, formatSummary, median, renderTable } from './format.js';
import type { Repetition } from './measure.js';
import type { PipelineFigures } from './measure-pipelines.js';
import { CONCURRENCY, type Plan } from './options.js';

type Target = { readonly atLeast: number } | { readonly atMost: number };

/** One row of the table. */
export interface MeasureRow {
  readonly measure: string;
  /** Written after every number of the row. */
  readonly unit: '×' | 's' | 'MB' | '%' | '';
  readonly target?: Target;
  /** At least one per repetition; none where the system does not tell. */
  readonly values: readonly number[];
}

/** All measures and their targets. Compared values come from the same repetition. */
export function toMeasureRows(plan: Plan, repetitions: readonly Repetition[]): MeasureRow[] {
  const [small = 0, large = 0] = plan.sizes.slice(-2);
  const [few, many] = [formatCount(small), formatCount(large)];
  const memory = repetitions[0]?.memory.map(({ files }) => formatCount(files)).join(' to ');
  const row = (
    measure: string,
    unit: MeasureRow['unit'],
    target: Target | undefined,
    pick: (
      repetition: Repetition,
      small: PipelineFigures,
      large: PipelineFigures,
    ) => number | readonly number[],
  ): MeasureRow => ({
    measure,
    unit,
    ...(target && { target }),
    values: repetitions.flatMap((each) => pick(each, findPipeline(each, small), findPipeline(each, large))),
  });
  return [
    row(
      `${many}-file pipeline vs no-op per-file pipeline, files/s`,
      '×',
      { atLeast: 20 },
      (each, _, large) => [filesPerSecond(large) / filesPerSecond(each.noopPipeline)],
    ),
    row(
      `${many}-file pipeline vs raw undici loop at the same concurrency, files/s`,
      '×',
      { atLeast: 0.6 },
      ({ raw }, _, large) => filesPerSecond(large) / raw.callsPerSecond,
    ),
    row(
      `time per file at ${many} vs at ${few} files`,
      '×',
      { atMost: 1.1 },
      (_, small, large) => filesPerSecond(small) / filesPerSecond(large),
    ),
    row(
      `history events per file at ${many}`,
      '',
      { atMost: 0.05 },
      (_each, _, { events, files }) => events / files,
    ),
    row(
      `history bytes per file at ${many}`,
      '',
      { atMost: 250 },
      (_each, _, { historyBytes, files }) => historyBytes / files,
    ),
    row(
      `Temporal Actions per file at ${many} without faults`,
      '',
      { atMost: 0.02 },
      (_each, _, { actions, files }) => actions / files,
    ),
    row(
      `collectRuntimeFile vs raw undici, calls/s at concurrency ${CONCURRENCY}`,
      '×',
      { atLeast: 0.8 },
      ({ collect, raw }) => collect.callsPerSecond / raw.callsPerSecond,
    ),
    row(`worker memory growth from ${memory} files`, 'MB', { atMost: 50 }, ({ memory: [first, last] }) =>
      first?.peakBytes === undefined || last?.peakBytes === undefined
        ? []
        : (last.peakBytes - first.peakBytes) / 1e6,
    ),
    row(
      'one-file pipeline vs one-no-op-activity workflow, latency',
      '×',
      { atMost: 1.3 },
      ({ latency }) => median(latency.pipelineMs) / median(latency.noopMs),
    ),
    row('starter --help', 's', { atMost: 0.3 }, ({ helpMs }) => helpMs.map((ms) => ms / 1_000)),
    row('worker start with the prebuilt bundle', 's', undefined, ({ memory }) =>
      memory.map(({ workerStartMs }) => workerStartMs / 1_000),
    ),
    row(
      'two raw undici loops vs one: what the gateway has left',
      '×',
      undefined,
      ({ twoProcessRaw, raw }) => twoProcessRaw.callsPerSecond / raw.callsPerSecond,
    ),
  ];
}

/** Whether the median meets the target; `undefined` without target or values. */
export function isMet({ target, values }: MeasureRow): boolean | undefined {
  if (target === undefined || values.length === 0) return undefined;
  return 'atLeast' in target ? median(values) >= target.atLeast : median(values) <= target.atMost;
}

/** The rows as GitHub-flavoured Markdown. */
export function renderRows(rows: readonly MeasureRow[]): string {
  return renderTable<MeasureRow>(
    {
      measure: ({ measure }) => measure,
      target: ({ target, unit }) => {
        if (target === undefined) return '–';
        const [sign, value] = 'atLeast' in target ? ['≥', target.atLeast] : ['≤', target.atMost];
        return `${sign} ${formatNumber(value)} ${unit}`.trimEnd();
      },
      measured: ({ values, unit }) => (values.length === 0 ? 'not measured' : formatSummary(values, unit)),
      '': (row) => ({ true: 'pass', false: 'miss', undefined: '–' })[`${isMet(row)}`],
    },
    rows,
  );
}

export function filesPerSecond({ files, ms }: { files: number; ms: number }): number {
  return (files * 1_000) / ms;
}

function findPipeline({ pipelines }: Repetition, files: number): PipelineFigures {
  const found = pipelines.find((figures) => figures.files === files);
  if (found === undefined) throw new RangeError(`No pipeline of ${files} files was measured`);
  return found;
}
