import type { Repetition } from '../measure.js';
import { CONCURRENCY, type Plan } from '../plan.js';
import { median } from '../statistics.js';
import { formatCount } from './format.js';

type Target = { readonly atLeast: number } | { readonly atMost: number };

/** One row of the table. */
export interface MeasureRow {
  readonly measure: string;
  /** Written after every number of the row. */
  readonly unit: '×' | 's' | 'MB' | '/s' | '';
  readonly target?: Target;
  /** One for each repetition or more; none where the machine does not tell. */
  readonly values: readonly number[];
}

/** All measures and their targets. What is compared was measured in the same repetition. */
export function toMeasureRows(plan: Plan, repetitions: readonly Repetition[]): MeasureRow[] {
  const [small = 0, large = 0] = plan.sizes.slice(-2);
  const [few, many] = [formatCount(small), formatCount(large)];
  const each = (pick: (repetition: Repetition) => number | undefined) =>
    repetitions.map(pick).filter((value) => value !== undefined);
  return [
    {
      measure: `${many}-file pipeline vs no-op per-file pipeline, files/s`,
      unit: '×',
      target: { atLeast: 20 },
      values: each(
        (repetition) => filesPerSecond(pipeline(repetition, large)) / filesPerSecond(repetition.noopPipeline),
      ),
    },
    {
      measure: `${many}-file pipeline vs raw undici loop at the same concurrency, files/s`,
      unit: '×',
      target: { atLeast: 0.6 },
      values: each(
        (repetition) => filesPerSecond(pipeline(repetition, large)) / repetition.raw.callsPerSecond,
      ),
    },
    {
      measure: `time per file at ${many} vs at ${few} files`,
      unit: '×',
      target: { atMost: 1.1 },
      values: each(
        (repetition) =>
          filesPerSecond(pipeline(repetition, small)) / filesPerSecond(pipeline(repetition, large)),
      ),
    },
    {
      measure: `history events per file at ${many}`,
      unit: '',
      target: { atMost: 0.05 },
      values: each((repetition) => pipeline(repetition, large).events / large),
    },
    {
      measure: `history bytes per file at ${many}`,
      unit: '',
      target: { atMost: 250 },
      values: each((repetition) => pipeline(repetition, large).historyBytes / large),
    },
    {
      measure: `Temporal Actions per file at ${many} without faults`,
      unit: '',
      target: { atMost: 0.02 },
      values: each((repetition) => billedActions(pipeline(repetition, large)) / large),
    },
    {
      measure: `collectRuntimeFile vs raw undici, calls/s at concurrency ${CONCURRENCY}`,
      unit: '×',
      target: { atLeast: 0.8 },
      values: each(({ collect, raw }) => collect.callsPerSecond / raw.callsPerSecond),
    },
    {
      measure: `worker memory growth from ${memoryRange(repetitions)} files`,
      unit: 'MB',
      target: { atMost: 50 },
      values: each(({ memory: [first, last] }) => difference(first?.peakBytes, last?.peakBytes)),
    },
    {
      measure: 'one-file pipeline vs one-no-op-activity workflow, latency',
      unit: '×',
      target: { atMost: 1.3 },
      values: each(({ latency }) => median(latency.pipelineMs) / median(latency.noopMs)),
    },
    {
      measure: 'starter --help',
      unit: 's',
      target: { atMost: 0.3 },
      values: repetitions.flatMap(({ helpMs }) => helpMs.map((ms) => ms / 1_000)),
    },
    {
      measure: 'worker start with the prebuilt bundle',
      unit: 's',
      values: repetitions.flatMap(({ memory }) => memory.map(({ workerStartMs }) => workerStartMs / 1_000)),
    },
    {
      measure: 'two raw undici loops vs one: what the gateway has left',
      unit: '×',
      values: each(({ headroom, raw }) => headroom.callsPerSecond / raw.callsPerSecond),
    },
  ];
}

/** Whether the median meets the target; `undefined` without target or values. */
export function isMet({ target, values }: MeasureRow): boolean | undefined {
  if (target === undefined || values.length === 0) return undefined;
  return 'atLeast' in target ? median(values) >= target.atLeast : median(values) <= target.atMost;
}

/** With the heartbeats, which are billed too. */
export function billedActions({ actions, heartbeats }: { actions: number; heartbeats: number }): number {
  return actions + heartbeats;
}

export function filesPerSecond({ files, ms }: { files: number; ms: number }): number {
  return (files * 1_000) / ms;
}

function pipeline({ pipelines }: Repetition, files: number) {
  const found = pipelines.find((figures) => figures.files === files);
  if (found === undefined) throw new RangeError(`No pipeline of ${files} files was measured`);
  return found;
}

function memoryRange([first]: readonly Repetition[]): string {
  return (first?.memory ?? []).map(({ files }) => formatCount(files)).join(' to ');
}

function difference(fromBytes: number | undefined, toBytes: number | undefined): number | undefined {
  return fromBytes === undefined || toBytes === undefined ? undefined : (toBytes - fromBytes) / 1e6;
}
