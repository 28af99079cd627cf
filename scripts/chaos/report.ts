import { formatCount, renderTable } from '../bench/format.js';
import type { Facts, PipelineFact } from './facts.js';
import { type FaultName, faultNames } from './faults.js';
import { LIST_LAG_MS } from './gateway-server.js';
import { groupBy } from './group-by.js';
import type { RunHistory } from './histories.js';
import { countDuplicates, findLosses, invariants, readEnd } from './invariants.js';
import { type ChaosOptions, toCommand } from './options.js';

const MAX_LISTED = 10;

export interface ChaosResult {
  readonly options: ChaosOptions;
  readonly facts: Facts;
  readonly faults: ReadonlyMap<FaultName, number>;
  /** Kinds of faults that this machine cannot do. */
  readonly impossible: ReadonlySet<FaultName>;
  readonly sent: Readonly<{ collects: number; lookups: number }>;
  readonly settleMs: number;
  /** Workers that SIGTERM did not end in time. */
  readonly forcedEnds: number;
  readonly histories: readonly RunHistory[];
  /** All lines that the workers logged. */
  readonly log: readonly string[];
}

export interface Verdict {
  readonly name: string;
  readonly problems: readonly string[];
}

export function judge(facts: Facts): Verdict[] {
  return Object.entries(invariants).map(([name, find]) => ({ name, problems: find(facts) }));
}

/** The figures of a run, for the report and for a file. */
export function toFigures({ facts, faults, sent, settleMs, forcedEnds }: ChaosResult) {
  const { pipelines, stored } = facts;
  const duplicates = pipelines.map((pipeline) => countDuplicates(pipeline, stored));
  const sum = (toNumber: (count: (typeof duplicates)[number]) => number) =>
    duplicates.reduce((total, count) => total + toNumber(count), 0);
  return {
    faults: Object.fromEntries(faultNames.map((name) => [name, faults.get(name) ?? 0])),
    pipelines: [...groupBy(pipelines, ({ story }) => story)].map(([story, all]) => ({
      story,
      started: all.length,
      runs: all.reduce((total, { runs }) => total + runs.length, 0),
      ends: Object.fromEntries([...groupBy(all, readEnd)].map(([end, { length }]) => [end, length])),
    })),
    figures: {
      pipelines: pipelines.length,
      'runs, all of whose histories were read': pipelines.reduce((total, { runs }) => total + runs.length, 0),
      'pipelines open at once': countOpenAtOnce(pipelines),
      'histories replayed': facts.replayed,
      'files to collect': pipelines.reduce((total, { required }) => total + required.size, 0),
      'files committed': stored.length,
      'attempts (collect requests)': sent.collects,
      'lookups (list requests)': sent.lookups,
      'duplicates reported': sum(({ reported }) => reported),
      'duplicates unreported': sum(({ unreported }) => unreported),
      'made after the last lookup': sum(({ tooLate }) => tooLate),
      'made for a run that was ended from outside': sum(({ inFlight }) => inFlight),
      'files lost': pipelines.reduce((total, each) => total + findLosses(each, stored).length, 0),
      'workers ended by force': forcedEnds,
      'seconds to settle': Math.round(settleMs / 1_000),
    },
  };
}

/** The most that were open at some time. The runs of a pipeline follow each other. */
export function countOpenAtOnce(pipelines: readonly PipelineFact[]): number {
  const changes = pipelines
    .flatMap(({ runs }) => runs)
    .flatMap(({ openedMs, endedMs }) => [
      { atMs: openedMs, change: 1 },
      { atMs: endedMs, change: -1 },
    ])
    .toSorted((a, b) => a.atMs - b.atMs || a.change - b.change);
  let open = 0;
  return changes.reduce((most, { change }) => {
    open += change;
    return Math.max(most, open);
  }, 0);
}

/** What there is about the pipelines that a violation names: histories, files and log lines. */
export function collectEvidence({ facts, histories, log }: ChaosResult, verdicts: readonly Verdict[]) {
  // The lines that follow are those of a log, which names many pipelines.
  const problems = verdicts.flatMap((verdict) => verdict.problems.map((problem) => problem.split('\n')[0]));
  return facts.pipelines
    .filter(({ workflowId }) => new RegExp(`\\b${workflowId}\\b`).test(problems.join('\n')))
    .map(({ workflowId, runtimeId, runs }) => ({
      workflowId,
      runs,
      stored: facts.stored.filter((file) => file.runtimeId === runtimeId),
      histories: histories
        .filter((each) => each.workflowId === workflowId)
        .map(({ history }) => history.events?.map((event) => JSON.parse(JSON.stringify(event, toReadable)))),
      log: log.filter((line) => line.includes(`"${workflowId}"`)),
    }));
}

/** Bytes become text, and long numbers become numbers. */
function toReadable(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('type' in value && value.type === 'Buffer') return Buffer.from(value as never).toString();
  return 'low' in value && 'high' in value ? Number(value.low) : value;
}

/** Markdown. */
export function renderChaosReport(result: ChaosResult, verdicts: readonly Verdict[]): string {
  const { faults, pipelines, figures } = toFigures(result);
  const toTimes = (name: string, count: number) =>
    result.impossible.has(name as FaultName) ? `${count} (not on this machine)` : `${count}`;
  const all = Object.entries(faults);
  const struck = all.reduce((sum, [, count]) => sum + count, 0);
  const problems = verdicts.filter((verdict) => verdict.problems.length > 0);
  return [
    `Faults: ${formatCount(struck)}. The API's listing lags by ${LIST_LAG_MS / 1_000} s throughout.`,
    ...(result.options.faults
      ? [renderTable({ fault: ([name]) => name, times: ([name, count]) => toTimes(name, count) }, all)]
      : []),
    renderTable(
      {
        pipelines: ({ story }) => story,
        started: ({ started }) => `${started}`,
        runs: ({ runs }) => `${runs}`,
        ended: ({ ends }) => toList(ends),
      },
      pipelines,
    ),
    renderTable(
      { figure: ([name]) => name, value: ([, value]) => formatCount(value) },
      Object.entries(figures),
    ),
    renderTable(
      {
        invariant: ({ name }) => name,
        result: (verdict) =>
          verdict.problems.length === 0 ? 'holds' : `${verdict.problems.length} violations`,
      },
      verdicts,
    ),
    ...problems.map((verdict) => `${verdict.name}:\n${listFirst(verdict.problems)}`),
    `Again with the same schedule: ${toCommand(result.options)}`,
  ].join('\n\n');
}

function toList(ends: Readonly<Record<string, number>>): string {
  return Object.entries(ends)
    .map(([end, count]) => `${count} ${end}`)
    .join(', ');
}

function listFirst(problems: readonly string[]): string {
  const lines = problems.slice(0, MAX_LISTED).map((problem) => `- ${problem}`);
  const more = problems.length - lines.length;
  return [...lines, ...(more > 0 ? [`- and ${more} more`] : [])].join('\n');
}
