import {
  formatCount,
  formatNumber,
  formatPercent,
  formatSummary,
  median,
  renderTable,
  summarize,
} from './format.js';
import type { Machine } from './machine.js';
import type { Repetition } from './measure.js';
import type { LoopFigures } from './measure-loop.js';
import { NOOP_CONCURRENCY, type PipelineFigures } from './measure-pipelines.js';
import { CONCURRENCY, type Plan } from './options.js';
import { filesPerSecond, renderRows, toMeasureRows } from './rows.js';

export interface BenchResult {
  readonly plan: Plan;
  readonly machine: Machine;
  readonly repetitions: readonly Repetition[];
}

/** Figures of the same kind, one per repetition. */
interface Series<T> {
  readonly name: string;
  readonly figures: readonly T[];
}

/** The whole output of a run, in Markdown that is readable as it is. */
export function renderReport({ plan, machine, repetitions }: BenchResult): string {
  const values =
    plan.repetitions > 1
      ? `, and in brackets the range, of ${plan.repetitions} repetitions`
      : ' of one repetition';
  return [
    renderRows(toMeasureRows(plan, repetitions)),
    `Median${values}. The figures behind it:`,
    renderLoops(repetitions),
    renderPipelines(plan, repetitions),
    renderOthers(repetitions),
    [describeMachine(machine), describeNoise(repetitions.flatMap(({ probeMs }) => probeMs))].join('\n'),
  ].join('\n\n');
}

function renderLoops(repetitions: readonly Repetition[]): string {
  const percent = (share: (loop: LoopFigures) => number) => (series: Series<LoopFigures>) =>
    formatPercent(median(series.figures.map(share)));
  return renderTable<Series<LoopFigures>>(
    {
      [`loop, ${CONCURRENCY} calls at once`]: ({ name }) => name,
      'calls/s': ({ figures }) => formatSummary(figures.map(({ callsPerSecond }) => callsPerSecond)),
      'CPU of the client': percent(({ clientCpuShare }) => clientCpuShare),
      'CPU of the gateway': percent(({ gateway }) => gateway.cpuShare),
      'its event loop': percent(({ gateway }) => gateway.loopUtilization),
      'calls per s of its CPU': ({ figures }) =>
        formatSummary(
          figures
            .map(({ callsPerSecond, gateway }) => callsPerSecond / gateway.cpuShare)
            .filter(Number.isFinite),
        ),
    },
    [
      { name: 'raw undici', figures: repetitions.map(({ raw }) => raw) },
      {
        name: 'collectRuntimeFile in MockActivityEnvironment',
        figures: repetitions.map(({ collect }) => collect),
      },
      { name: 'no-op activity in MockActivityEnvironment', figures: repetitions.map(({ noop }) => noop) },
      {
        name: 'raw undici, two processes',
        figures: repetitions.map(({ twoProcessRaw }) => twoProcessRaw),
      },
    ],
  );
}

function renderPipelines({ sizes, noopFiles }: Plan, repetitions: readonly Repetition[]): string {
  type Pipelines = Series<PipelineFigures>;
  const middle = (figure: (pipeline: PipelineFigures) => number) => (series: Pipelines) =>
    formatNumber(median(series.figures.map(figure)));
  const load = (share: 'cpuShare' | 'loopUtilization') => (series: Pipelines) => {
    const shares = series.figures.flatMap(({ gateway }) => gateway?.[share] ?? []);
    return shares.length === 0 ? '–' : formatPercent(median(shares));
  };
  return renderTable<Pipelines>(
    {
      pipeline: ({ name }) => name,
      'files/s': ({ figures }) => formatSummary(figures.map(filesPerSecond)),
      'ms/file': middle(({ ms, files }) => ms / files),
      'events/file': middle(({ events, files }) => events / files),
      'bytes/file': middle(({ historyBytes, files }) => historyBytes / files),
      'Actions/file': middle(({ actions, files }) => actions / files),
      heartbeats: middle(({ heartbeats }) => heartbeats),
      runs: middle(({ runs }) => runs),
      'CPU of the gateway': load('cpuShare'),
      'its event loop': load('loopUtilization'),
    },
    [
      {
        name: `${formatCount(noopFiles)} no-op activities, ${NOOP_CONCURRENCY} at once`,
        figures: repetitions.map(({ noopPipeline }) => noopPipeline),
      },
      ...sizes.map((files, index) => ({
        name: `${formatCount(files)} files`,
        figures: repetitions.flatMap(({ pipelines }) => pipelines[index] ?? []),
      })),
    ],
  );
}

function renderOthers(repetitions: readonly Repetition[]): string {
  const all = (pick: (repetition: Repetition) => readonly number[]) =>
    formatSummary(repetitions.flatMap(pick));
  const shares = repetitions.map(({ collect, noop }) => collect.callsPerSecond / noop.callsPerSecond);
  const rows: [figure: string, measured: string][] = [
    ['one-file pipeline, ms', all(({ latency }) => latency.pipelineMs)],
    ['one-no-op-activity workflow, ms', all(({ latency }) => latency.noopMs)],
    ...(repetitions[0]?.memory ?? []).map(({ files }, index): [string, string] => [
      `peak of the worker's resident set at ${formatCount(files)} files, MB`,
      all(({ memory }) => {
        const bytes = memory[index]?.peakBytes;
        return bytes === undefined ? [] : [bytes / 1e6];
      }),
    ]),
    ["share of MockActivityEnvironment in collectRuntimeFile's time", formatPercent(median(shares))],
    ['CPU probe, ms', all(({ probeMs }) => probeMs)],
  ];
  return renderTable<(typeof rows)[number]>(
    { figure: ([figure]) => figure, measured: ([, text]) => text },
    rows,
  );
}

export function describeMachine(machine: Machine): string {
  const { cpu, cores, memoryGb, system, node, temporalServer, date, load } = machine;
  return [
    `- machine: ${cpu}, ${cores} cores, ${formatCount(memoryGb)} GB; ${system}`,
    `- Node.js ${node}, Temporal server ${temporalServer} (dev server, database in a file)`,
    `- date: ${date}; load before the run: ${formatNumber(load)}`,
  ].join('\n');
}

export function describeNoise(probes: readonly number[]): string {
  const { median, min, max } = summarize(probes);
  return `- noise: the CPU probe took ${formatNumber(median)} ms (${formatNumber(min)}–${formatNumber(max)}) in ${probes.length} runs, a spread of ${formatPercent((max - min) / min)}`;
}
