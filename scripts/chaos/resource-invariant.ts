import { median } from '../bench/format.js';
import type { ResourceFacts, ResourceSample } from './facts.js';
import { groupBy } from './group-by.js';

type Figure = 'timers' | 'heapMb' | 'rssMb' | 'apiSockets' | 'sockets' | 'files';

/** How much more than a fresh worker one at rest may have. */
const atRestTolerances = {
  // The SDK's own timers differ a little from moment to moment.
  timers: { name: 'timers', tolerance: 1 },
  // The caches are full, as many workflows as they hold.
  heapMb: { name: 'MB of heap', tolerance: 12 },
  // Connections that are kept alive have closed.
  apiSockets: { name: 'connections to the API', tolerance: 0 },
  // Temporal's connection may just be replaced.
  sockets: { name: 'sockets', tolerance: 2 },
  files: { name: 'open files', tolerance: 2 },
} satisfies Partial<Record<Figure, object>>;

interface Trend {
  readonly name: string;
  /** What stands for a quarter of a life. */
  readonly of: (values: readonly number[]) => number;
  readonly maxOf: (early: number) => number;
  readonly format: (value: number) => string;
}

const lowest = (values: readonly number[]) => Math.min(...values);
const toMegabytes = (value: number) => `${value.toFixed(1)} MB`;

/** The second quarter of a long life is compared with the last one; in the first, the process warms up. */
const trends = {
  // A run of minutes still warms up. What is not given back is there at the quietest moment, too.
  heapMb: { name: 'heap', of: lowest, maxOf: (early) => early * 1.05 + 3, format: toMegabytes },
  // V8 and the SDK give memory back late: a burst of a hundred requests needs up to 60 MB for a while.
  rssMb: { name: 'memory', of: median, maxOf: (early) => early * 1.3 + 20, format: toMegabytes },
  // The load makes from 0 to 200 of them. What is less than this shows at rest.
  timers: { name: 'number of timers', of: lowest, maxOf: (early) => early + 40, format: String },
  sockets: { name: 'number of sockets', of: lowest, maxOf: (early) => early + 40, format: String },
} satisfies Partial<Record<Figure, Trend>>;

/** Each quarter has a minute, in which a worker that is late has caught up. */
const MIN_SAMPLES_FOR_TREND = 24;

/** Returns one sentence for each thing that a worker holds and does not need. */
export function findResourceProblems(facts: ResourceFacts): string[] {
  const { fresh, busy, atRest, unanswered, workers, isSoak, samplesInRun, hasProc } = facts;
  const problems = unanswered.map((worker) => `${worker} did not say what it holds`);
  if (fresh.length < workers)
    problems.push(`${fresh.length} of ${workers} workers said what they hold when fresh`);
  if (busy.length === 0) problems.push('no worker said what it holds while it worked');
  if (atRest.length < workers)
    problems.push(`${atRest.length} of ${workers} workers said what they hold at rest`);
  if (hasProc) problems.push(...[...fresh, ...atRest].flatMap(findUncounted));
  for (const sample of atRest) problems.push(...compareWithFresh(sample, fresh));
  const lives = [...groupBy(busy, ({ worker, life }) => `${worker}, process ${life}`)];
  const long = lives.filter(([, samples]) => samples.length >= MIN_SAMPLES_FOR_TREND);
  if (isSoak && samplesInRun >= MIN_SAMPLES_FOR_TREND && long.length < workers)
    problems.push(`${long.length} of ${workers} workers lived long enough to see a trend`);
  for (const [life, samples] of long) problems.push(...findGrowth(life, samples));
  return problems;
}

function findUncounted({ worker, apiSockets, sockets, files }: ResourceSample): string[] {
  return [apiSockets, sockets, files].includes(undefined)
    ? [`the sockets and files of ${worker} could not be counted`]
    : [];
}

function compareWithFresh(sample: ResourceSample, fresh: readonly ResourceSample[]): string[] {
  if (fresh.length === 0) return [];
  return entriesOf(atRestTolerances).flatMap(([figure, { name, tolerance }]) => {
    const value = sample[figure] ?? 0;
    const max = Math.max(...fresh.map((each) => each[figure] ?? 0)) + tolerance;
    const [has, upTo] = [Math.round(value), Math.round(max)];
    return value > max ? [`${sample.worker} has ${has} ${name} at rest, a fresh one up to ${upTo}`] : [];
  });
}

function findGrowth(life: string, samples: readonly ResourceSample[]): string[] {
  const quarter = Math.floor(samples.length / 4);
  const inOrder = samples.toSorted((a, b) => a.atMs - b.atMs);
  return entriesOf(trends).flatMap(([figure, { name, of, maxOf, format }]) => {
    const values = inOrder.map((sample) => sample[figure] ?? 0);
    const early = of(values.slice(quarter, 2 * quarter));
    const late = of(values.slice(-quarter));
    if (late <= maxOf(early)) return [];
    return [`${life}: its ${name} grew from ${format(early)} to ${format(late)}`];
  });
}

function entriesOf<Table extends object>(table: Table): [keyof Table, Table[keyof Table]][] {
  return Object.entries(table) as [keyof Table, Table[keyof Table]][];
}
