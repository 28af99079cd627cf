import { markdownTable } from 'markdown-table';
import type { LoopFigures } from '../loops/measure-loop.js';
import type { Repetition } from '../measure.js';
import { NOOP_WINDOW } from '../pipelines/measure-noop-pipeline.js';
import type { PipelineFigures } from '../pipelines/measure-pipeline.js';
import { CONCURRENCY, type Plan } from '../plan.js';
import { median } from '../statistics.js';
import { formatCount, formatNumber, formatPercent, formatSummary } from './format.js';
import { billedActions, filesPerSecond } from './measure-rows.js';

/** The figures that the measures are made from. */
export function renderFigures(plan: Plan, repetitions: readonly Repetition[]): string {
  return [renderLoops(repetitions), renderPipelines(plan, repetitions), renderRest(repetitions)].join('\n\n');
}

function renderLoops(repetitions: readonly Repetition[]): string {
  const row = (name: string, pick: (repetition: Repetition) => LoopFigures) => {
    const loops = repetitions.map(pick);
    const percent = (share: (loop: LoopFigures) => number) => formatPercent(median(loops.map(share)));
    return [
      name,
      formatSummary(
        loops.map((loop) => loop.callsPerSecond),
        '',
      ),
      percent((loop) => loop.clientCpuShare),
      percent((loop) => loop.gateway.cpuShare),
      percent((loop) => loop.gateway.loopUtilization),
      formatSummary(loops.map(perGatewayCore).filter(Number.isFinite), ''),
    ];
  };
  return markdownTable([
    [
      `loop, ${CONCURRENCY} calls at once`,
      'calls/s',
      'CPU of the client',
      'CPU of the gateway',
      'its event loop',
      'calls per s of its CPU',
    ],
    row('raw undici', ({ raw }) => raw),
    row('collectRuntimeFile in MockActivityEnvironment', ({ collect }) => collect),
    row('no-op activity in MockActivityEnvironment', ({ noop }) => noop),
    row('raw undici, two processes', ({ headroom }) => headroom),
  ]);
}

/** Calls that the gateway could answer in a second if it had a whole core for it. */
function perGatewayCore({ callsPerSecond, gateway }: LoopFigures): number {
  return callsPerSecond / gateway.cpuShare;
}

type AnyPipeline = Omit<PipelineFigures, 'gateway'> & Partial<Pick<PipelineFigures, 'gateway'>>;

function renderPipelines({ sizes }: Plan, repetitions: readonly Repetition[]): string {
  const row = (name: string, pipelines: readonly AnyPipeline[]) => {
    const middle = (figure: (pipeline: AnyPipeline) => number) => median(pipelines.map(figure));
    const perFile = (figure: (pipeline: AnyPipeline) => number) =>
      formatNumber(middle((pipeline) => figure(pipeline) / pipeline.files));
    const load = (share: (gateway: PipelineFigures['gateway']) => number) =>
      pipelines[0]?.gateway === undefined
        ? '–'
        : formatPercent(middle(({ gateway }) => (gateway === undefined ? 0 : share(gateway))));
    return [
      name,
      formatSummary(pipelines.map(filesPerSecond), ''),
      perFile(({ ms }) => ms),
      perFile(({ events }) => events),
      perFile(({ historyBytes }) => historyBytes),
      perFile(billedActions),
      perFile(({ serverActions }) => serverActions),
      formatNumber(middle(({ heartbeats }) => heartbeats)),
      formatNumber(middle(({ runs }) => runs)),
      load(({ cpuShare }) => cpuShare),
      load(({ loopUtilization }) => loopUtilization),
    ];
  };
  const noop = repetitions.map(({ noopPipeline }) => noopPipeline);
  return markdownTable([
    [
      'pipeline',
      'files/s',
      'ms/file',
      'events/file',
      'bytes/file',
      'Actions/file',
      "the server's count",
      'heartbeats',
      'runs',
      'CPU of the gateway',
      'its event loop',
    ],
    row(`${formatCount(noop[0]?.files ?? 0)} no-op activities, ${NOOP_WINDOW} at once`, noop),
    ...sizes.map((files, index) =>
      row(
        `${formatCount(files)} files`,
        repetitions.flatMap(({ pipelines }) => pipelines[index] ?? []),
      ),
    ),
  ]);
}

function renderRest(repetitions: readonly Repetition[]): string {
  const all = (pick: (repetition: Repetition) => readonly number[]) =>
    formatSummary(repetitions.flatMap(pick), '');
  const [first] = repetitions;
  return markdownTable([
    ['figure', 'measured'],
    ['one-file pipeline, ms', all(({ latency }) => latency.pipelineMs)],
    ['one-no-op-activity workflow, ms', all(({ latency }) => latency.noopMs)],
    ...(first?.memory ?? []).map(({ files }, index) => [
      `peak of the worker's resident set at ${formatCount(files)} files, MB`,
      all(({ memory }) =>
        [memory[index]?.peakBytes].filter((bytes) => bytes !== undefined).map((bytes) => bytes / 1e6),
      ),
    ]),
    [
      "share of MockActivityEnvironment in collectRuntimeFile's time",
      formatPercent(
        median(repetitions.map(({ collect, noop }) => collect.callsPerSecond / noop.callsPerSecond)),
      ),
    ],
    ['CPU probe, ms', all(({ probeMs }) => probeMs)],
  ]);
}
