import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Facts, PipelineFact, ResourceSample } from './facts.js';
import { type FaultName, faultNames } from './faults.js';
import { groupBy } from './group-by.js';
import { readHistories } from './histories.js';
import { type House, openHouse } from './house.js';
import type { ChaosOptions } from './options.js';
import { type PlayedPipeline, planPipelines, playPipelines } from './pipelines.js';
import { replaySample } from './replay.js';
import type { ChaosResult } from './report.js';
import { Resources } from './resources.js';
import { planFaults, runFaults } from './schedule.js';
import { readStoredFiles } from './stored-files.js';
import { stories } from './stories.js';

/** What has not ended so long after the last fault never will. Longer than the longest heartbeat timeout, which is 2 minutes. */
const SETTLE_TIMEOUT_MS = 10 * 60_000;

const SAMPLE_INTERVAL_MS = 10_000;

/** Timers of the start run out. */
const FRESH_MS = 5_000;

/** Connections that are kept alive close. */
const REST_MS = 10_000;

const PROGRESS_INTERVAL_MS = 15_000;

/** The server may still write when it is interrupted while it starts. */
const RM_RETRIES = 10;

interface RunOptions extends ChaosOptions {
  /** Default: all. */
  readonly faultNames?: readonly FaultName[];
  readonly storyNames?: readonly string[];
}

interface Io {
  readonly log: (line: string) => void;
  /** Aborts when the run is interrupted: everything ends, and the run rejects with its reason. */
  readonly signal: AbortSignal;
}

/** Strikes a house of processes with faults while pipelines run in it. Returns what it found when all had ended. */
export async function runChaos(options: RunOptions, io: Io): Promise<ChaosResult> {
  const startedMs = performance.now();
  const log = (line: string) => io.log(`${toClock(performance.now() - startedMs)}  ${line}`);
  const dir = await mkdtemp(join(tmpdir(), 'bctrl-chaos-'));
  const ends: (() => Promise<unknown>)[] = [];
  let house: House | undefined;
  try {
    log('starting the Temporal server, the gateway and the workers');
    const onEnd = (end: () => Promise<unknown>) => void ends.push(end);
    const { seed, workers } = options;
    house = await openHouse({ dir, runId: randomUUID(), seed, workers, signal: io.signal, onEnd });
    const found = await strikeAndRead(house, options, { ...io, log });
    log('ending all processes');
    for (const worker of house.workers) await worker.end('SIGTERM');
    await house.gateway.end('SIGTERM');
    const stored = await readStoredFiles(house.storageDir);
    for (const end of ends.splice(0).reverse()) await end();
    const processProblems = [...house.children.problems, ...(await house.children.findLeaked())];
    return { ...found, options, facts: { ...found.facts, stored, processProblems } };
  } finally {
    for (const end of ends.reverse()) await end();
    await rm(dir, { recursive: true, force: true, maxRetries: RM_RETRIES });
  }
}

type Found = Omit<ChaosResult, 'options' | 'facts'> & {
  readonly facts: Omit<Facts, 'stored' | 'processProblems'>;
};

async function strikeAndRead(house: House, options: RunOptions, io: Io): Promise<Found> {
  const { log, signal } = io;
  const { proxy, workers } = house;
  const resources = new Resources(proxy.port);
  await sleep(FRESH_MS, undefined, { signal });
  const fresh = await resources.sample(workers);
  const { played, struck, busy, settleMs } = await strike(house, options, { ...io, resources });
  const endedMs = performance.now();

  log('reading the histories');
  const known = new Map(played.map(({ scene }) => [scene.workflowId, scene.runIds]));
  const histories = await readHistories(house, known);
  log(`replaying some of ${histories.length} histories`);
  const replay = await replaySample(histories);
  await sleep(Math.max(endedMs + REST_MS - performance.now(), 0), undefined, { signal });
  const atRest = await resources.sample(workers);
  const runs = groupBy(histories, ({ workflowId }) => workflowId);
  const toRuns = (workflowId: string) => (runs.get(workflowId) ?? []).map(({ fact }) => fact);
  return {
    faults: struck.counts,
    impossible: struck.impossible,
    sent: proxy.sent,
    settleMs,
    forcedEnds: workers.reduce((sum, worker) => sum + worker.forcedEnds, 0),
    histories,
    log: workers.flatMap((worker) => worker.log),
    facts: {
      pipelines: played.map((each) => toFact(each, toRuns(each.scene.workflowId))),
      resources: {
        fresh,
        busy,
        atRest,
        unanswered: resources.unanswered,
        workers: options.workers,
        isSoak: !options.faults,
        samplesInRun: Math.floor(options.durationMs / SAMPLE_INTERVAL_MS),
        hasProc: process.platform === 'linux',
      },
      taskProblems: workers.flatMap((worker) => worker.taskProblems),
      toReplay: replay.toReplay,
      replayed: replay.replayed,
      replayProblems: replay.problems,
      harnessProblems: struck.problems,
    },
  };
}

/** Strikes by the plan while pipelines run. Resolves when all of them have ended, or the time is up. */
async function strike(
  house: House,
  options: RunOptions,
  { log, signal, resources }: Io & { readonly resources: Resources },
) {
  const { seed, durationMs, workers, pipelines, faults: hasFaults } = options;
  const stop = new AbortController();
  const giveUp = new AbortController();
  // Every pipeline and every fault waits for them.
  setMaxListeners(0, stop.signal, giveUp.signal);
  signal.addEventListener('abort', () => {
    stop.abort();
    giveUp.abort();
  });
  signal.throwIfAborted();

  const names = options.faultNames ?? faultNames;
  const plan = hasFaults ? planFaults(seed, { durationMs, workers, names }) : [];
  const storyNames = options.storyNames ?? Object.keys(stories);
  const pipelinePlan = planPipelines(seed, {
    durationMs,
    count: pipelines,
    isSoak: !hasFaults,
    names: storyNames,
  });
  log(`${plan.length} faults and ${pipelinePlan.length} pipelines in ${durationMs / 60_000} minutes`);
  let ended = 0;
  const onEnd = () => {
    ended += 1;
  };
  const surroundings = { house, seed, stop: stop.signal, giveUp: giveUp.signal, onEnd };
  const playing = playPipelines(pipelinePlan, surroundings);
  const striking = runFaults(plan, { house, log, stop: stop.signal });
  const sampling = sampleUntil(stop.signal, () => resources.sample(house.workers));
  const progress = setInterval(() => log(`${ended} pipelines have ended`), PROGRESS_INTERVAL_MS);
  await sleep(durationMs, undefined, { signal }).catch(() => {});
  stop.abort();
  const struck = await striking;
  await house.proxy.setMode('pass');
  await house.gateway.setRules([]);
  house.gateway.setClock('furthest');
  log('no more faults: waiting for the pipelines to end');
  const settleFromMs = performance.now();
  const tooLong = setTimeout(() => giveUp.abort(), SETTLE_TIMEOUT_MS);
  const played = await playing;
  clearTimeout(tooLong);
  clearInterval(progress);
  const busy = await sampling;
  const settleMs = performance.now() - settleFromMs;
  signal.throwIfAborted();
  return { played, struck, busy, settleMs };
}

/** Samples at even intervals. */
async function sampleUntil(
  stop: AbortSignal,
  sample: () => Promise<ResourceSample[]>,
): Promise<ResourceSample[]> {
  const samples: ResourceSample[] = [];
  for (let nextMs = performance.now(); !stop.aborted; ) {
    samples.push(...(await sample()));
    nextMs += SAMPLE_INTERVAL_MS;
    await sleep(Math.max(nextMs - performance.now(), 0), undefined, { signal: stop }).catch(() => {});
  }
  return samples;
}

function toFact({ name, story, scene, problem }: PlayedPipeline, runs: PipelineFact['runs']): PipelineFact {
  const { workflowId, runtimeId, contents, required, allowed } = scene;
  return {
    workflowId,
    runtimeId,
    story: name,
    contents,
    required,
    allowed: [...story.allowed, ...allowed],
    archives: story.archives ?? 0,
    problem,
    isAsTold: story.shows === undefined || runs.some(story.shows),
    runs,
  };
}

function toClock(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  return `${String(Math.floor(seconds / 60)).padStart(2)}:${String(seconds % 60).padStart(2, '0')}`;
}
