import { median } from '../bench/format.js';
import type { ResourceFacts, ResourceSample } from './facts.js';
import { groupBy } from './group-by.js';

/** Connections that are kept alive have closed when a worker is at rest. */
const MAX_IDLE_SOCKETS = 0;

/** The SDK's own timers differ a little from moment to moment. */
const TIMER_TOLERANCE = 1;

const FILE_TOLERANCE = 2;

/** A run of minutes still warms up, and in each sample another load is in memory. */
const HEAP_GROWTH = 1.05;
const HEAP_TOLERANCE_MB = 3;

/** Each quarter has a few, so that a median says something. */
const MIN_SAMPLES_FOR_TREND = 12;

/** Returns one sentence for each thing that a worker holds and does not need. */
export function findResourceProblems(facts: ResourceFacts): string[] {
  const { fresh, busy, atRest, unanswered, workers, isSoak } = facts;
  const problems = unanswered.map((worker) => `${worker} did not say what it holds`);
  if (fresh.length < workers)
    problems.push(`${fresh.length} of ${workers} workers said what they hold when fresh`);
  if (atRest.length < workers)
    problems.push(`${atRest.length} of ${workers} workers said what they hold at rest`);
  for (const sample of atRest) problems.push(...compareWithFresh(sample, fresh));
  const lives = [...groupBy(busy, ({ worker, life }) => `${worker}, process ${life}`)];
  const long = lives.filter(([, samples]) => samples.length >= MIN_SAMPLES_FOR_TREND);
  const isLongRun = lives.some(([, samples]) => samples.length >= MIN_SAMPLES_FOR_TREND);
  if (isSoak && isLongRun && long.length < workers)
    problems.push(`only ${long.length} workers lived long enough`);
  for (const [life, samples] of long) problems.push(...findTrend(life, samples));
  return problems;
}

function compareWithFresh(sample: ResourceSample, fresh: readonly ResourceSample[]): string[] {
  const { worker, timers, apiSockets = 0, files = 0 } = sample;
  if (fresh.length === 0) return [];
  const maxTimers = Math.max(...fresh.map((each) => each.timers)) + TIMER_TOLERANCE;
  const maxFiles = Math.max(...fresh.map((each) => each.files ?? 0)) + FILE_TOLERANCE;
  return [
    ...(timers > maxTimers ? [`${worker} has ${timers} timers at rest, a fresh one up to ${maxTimers}`] : []),
    ...(apiSockets > MAX_IDLE_SOCKETS ? [`${worker} has ${apiSockets} connections to the API at rest`] : []),
    ...(files > maxFiles ? [`${worker} has ${files} open files at rest, a fresh one up to ${maxFiles}`] : []),
  ];
}

function findTrend(life: string, samples: readonly ResourceSample[]): string[] {
  const quarter = Math.floor(samples.length / 4);
  const heaps = samples.toSorted((a, b) => a.atMs - b.atMs).map(({ heapMb }) => heapMb);
  const early = median(heaps.slice(quarter, 2 * quarter));
  const late = median(heaps.slice(-quarter));
  if (late <= early * HEAP_GROWTH + HEAP_TOLERANCE_MB) return [];
  return [`${life}: its heap grew from ${early.toFixed(1)} MB to ${late.toFixed(1)} MB`];
}
