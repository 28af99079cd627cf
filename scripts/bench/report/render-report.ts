import type { Machine } from '../describe-machine.js';
import type { Repetition } from '../measure.js';
import type { Plan } from '../plan.js';
import { spread, summarize } from '../statistics.js';
import { formatCount, formatNumber, formatPercent } from './format.js';
import { toMeasureRows } from './measure-rows.js';
import { renderFigures } from './render-figures.js';
import { renderTable } from './render-table.js';

export interface BenchResult {
  readonly plan: Plan;
  readonly machine: Machine;
  readonly repetitions: readonly Repetition[];
}

/** The whole output of a run, in Markdown that can be read as it is. */
export function renderReport({ plan, machine, repetitions }: BenchResult): string {
  return [
    renderTable(toMeasureRows(plan, repetitions)),
    `Median${plan.repetitions > 1 ? `, and in brackets the range, of ${plan.repetitions} repetitions` : ' of one repetition'}. The figures behind it:`,
    renderFigures(plan, repetitions),
    describeGateway(machine),
    [describeMachine(machine), describeNoise(repetitions)].join('\n'),
  ].join('\n\n');
}

/** No measurement that the gateway limits would say anything about its client. */
function describeGateway({ cores }: Machine): string {
  const lines = [
    'The gateway does not limit a loop whose own process is the one without CPU time left, and that reaches less than the gateway answers per second of its CPU time.',
  ];
  // The two clients and the gateway, and a core for all else.
  if (cores < 4) {
    lines.push(
      `This machine has ${cores} cores: with one client, client and gateway have one each; with two, the three share them, so that the gateway could do more than is seen there.`,
      'In a pipeline, worker, Temporal server and gateway share them, which the raw loop does not have to.',
    );
  }
  return lines.join('\n');
}

function describeMachine(machine: Machine): string {
  const { cpu, cores, memoryGb, system, node, temporalServer, date, load } = machine;
  return [
    `- machine: ${cpu}, ${cores} cores, ${formatCount(memoryGb)} GB; ${system}`,
    `- Node.js ${node}, Temporal server ${temporalServer} (dev server, database in a file)`,
    `- date: ${date}; load before the run: ${formatNumber(load)}`,
  ].join('\n');
}

function describeNoise(repetitions: readonly Repetition[]): string {
  const probes = repetitions.flatMap(({ probeMs }) => probeMs);
  const { median, min, max } = summarize(probes);
  return `- noise: the same piece of work took ${formatNumber(median)} ms (${formatNumber(min)}–${formatNumber(max)}) in ${probes.length} probes, a spread of ${formatPercent(spread(probes))}`;
}
