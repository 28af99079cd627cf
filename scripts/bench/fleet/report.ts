import { formatCount, formatNumber, formatSummary, median, renderTable } from '../format.js';
import type { Machine } from '../machine.js';
import { describeMachine, describeNoise } from '../report.js';
import { type MeasureRow, renderRows } from '../rows.js';
import type { FleetFigures } from './measure.js';
import type { FleetPlan } from './options.js';

export interface FleetResult {
  readonly plan: FleetPlan;
  readonly machine: Machine;
  readonly figures: FleetFigures;
}

/** All measures and their targets. */
export function toFleetRows(plan: FleetPlan, figures: FleetFigures): MeasureRow[] {
  const { small, idleMs, fleetMs, startActions, freshRest, rest, peakBytes } = figures;
  const fleet = `${formatCount(plan.pipelines)} waiting pipelines`;
  const actionsPerHour = (rest.actions.actions * 3_600) / rest.seconds / plan.pipelines;
  return [
    {
      measure: `one-file pipeline beside ${fleet} vs alone, latency`,
      unit: '×',
      target: { atMost: 1.5 },
      values: [median(fleetMs) / median(idleMs)],
    },
    {
      measure: `peak of the worker's resident set with ${fleet}`,
      unit: 'MB',
      target: { atMost: 1_000 },
      values: peakBytes === undefined ? [] : [peakBytes / 1e6],
    },
    {
      measure: `CPU of the worker with ${fleet}, share of a core`,
      unit: '%',
      target: { atMost: 15 },
      values: toPercent(rest.cpuShare),
    },
    {
      measure: 'the same in the first ten minutes',
      unit: '%',
      values: toPercent(freshRest.cpuShare),
    },
    {
      measure: 'small pipelines vs hand-written workflows, per second',
      unit: '×',
      target: { atLeast: 0.95 },
      values: small.pipelines.map(
        ({ perSecond }, round) => perSecond / (small.handWritten[round]?.perSecond ?? Number.NaN),
      ),
    },
    {
      measure: 'Temporal Actions until a pipeline waits',
      unit: '',
      values: [startActions.actions / plan.pipelines],
    },
    { measure: 'Temporal Actions per pipeline and hour of waiting', unit: '', values: [actionsPerHour] },
    {
      measure: 'Temporal Actions of a small pipeline',
      unit: '',
      values: small.pipelines.map(({ actions }) => actions),
    },
    {
      measure: 'Temporal Actions of a hand-written workflow',
      unit: '',
      values: small.handWritten.map(({ actions }) => actions),
    },
  ];
}

function toPercent(share: number | undefined): number[] {
  return share === undefined ? [] : [share * 100];
}

/** The whole output of a run, in Markdown that is readable as it is. */
export function renderFleetReport({ plan, machine, figures }: FleetResult): string {
  const { small, idleMs, fleetMs, startSeconds, rest, idleBytes, probeMs } = figures;
  const rates = (rounds: typeof small.pipelines) => formatSummary(rounds.map(({ perSecond }) => perSecond));
  const others: [figure: string, measured: string][] = [
    ['one-file pipeline alone, ms', formatSummary(idleMs)],
    [`beside ${formatCount(plan.pipelines)} waiting ones, ms`, formatSummary(fleetMs)],
    ["worker's resident set before, MB", idleBytes === undefined ? '–' : formatNumber(idleBytes / 1e6)],
    ['until all of them waited, s', formatNumber(startSeconds)],
    [`heartbeats in ${formatNumber(rest.seconds)} s of rest`, formatCount(rest.actions.heartbeats)],
    ['other Actions meanwhile', formatCount(rest.actions.actions - rest.actions.heartbeats)],
    [`${formatCount(plan.small)} small pipelines, per second`, rates(small.pipelines)],
    [`${formatCount(plan.small)} hand-written workflows, per second`, rates(small.handWritten)],
  ];
  return [
    renderRows(toFleetRows(plan, figures)),
    'Medians; in brackets the range. The figures behind it:',
    renderTable<(typeof others)[number]>(
      { figure: ([figure]) => figure, measured: ([, text]) => text },
      others,
    ),
    [describeMachine(machine), describeNoise(probeMs)].join('\n'),
  ].join('\n\n');
}
