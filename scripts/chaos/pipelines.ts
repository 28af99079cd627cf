import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { toMessage } from '../../src/shared/display-text.js';
import type { House } from './house.js';
import { createRandom } from './random.js';
import { Scene } from './scene.js';
import { type Story, type StoryInput, stories, unlessEnded } from './stories.js';

export interface PlannedPipeline {
  readonly name: string;
  /** Times are from the start of the run. */
  readonly startMs: number;
  /** When it begins to collect. A pipeline that has started earlier waits for a signal until then. */
  readonly turnMs: number;
  readonly number: number;
}

/** What became of the plan, before histories are read. */
export interface PlayedPipeline {
  readonly name: string;
  readonly story: Story;
  readonly scene: Scene;
  readonly problem: string | undefined;
}

/** Turns come at even intervals until then: a share of the run. */
const LAST_SHARE = 0.92;

/** Every fourth pipeline starts at its turn. The others are a fleet, and start together. */
const FLEET_PERIOD = 4;

/** Between two of the fleet. */
const FLEET_INTERVAL_MS = 100;

/** Deals the stories like cards, each as often as its share. A soak, whose load is constant, has no fleet. */
export function planPipelines(
  seed: number,
  {
    durationMs,
    count,
    isSoak,
    names,
  }: { durationMs: number; count: number; isSoak: boolean; names: readonly string[] },
): PlannedPipeline[] {
  const random = createRandom(seed, 'pipelines');
  const all = names.flatMap((name) => Array<string>(stories[name]?.share ?? 0).fill(name));
  let deck: string[] = [];
  let ofFleet = 0;
  const plan = Array.from({ length: count }, (_, index) => {
    if (deck.length === 0) deck = random.shuffle(all);
    const name = deck.pop() ?? '';
    const turnMs = (index / count) * durationMs * LAST_SHARE;
    const isFleet = !isSoak && index % FLEET_PERIOD !== 0 && !stories[name]?.waitsForJobs;
    const startMs = isFleet ? Math.min(ofFleet++ * FLEET_INTERVAL_MS, turnMs) : turnMs;
    return { name, startMs, turnMs, number: index + 1 };
  });
  return plan.toSorted((a, b) => a.startMs - b.startMs);
}

interface Surroundings {
  readonly house: House;
  readonly seed: number;
  /** Aborts when pipelines that have not ended never will. */
  readonly giveUp: AbortSignal;
  /** No more pipelines are started. */
  readonly stop: AbortSignal;
  readonly onEnd: (ended: PlayedPipeline) => void;
}

/** Starts the pipelines by the plan, and does to each what its story says. Resolves when all have ended. */
export async function playPipelines(
  plan: readonly PlannedPipeline[],
  { house, seed, giveUp, stop, onEnd }: Surroundings,
): Promise<PlayedPipeline[]> {
  const startedMs = performance.now();
  const playing: Promise<PlayedPipeline>[] = [];
  const until = (atMs: number) => Math.max(startedMs + atMs - performance.now(), 0);
  for (const { name, startMs, turnMs, number } of plan) {
    await sleep(until(startMs), undefined, { signal: stop }).catch(() => {});
    const story = stories[name];
    if (stop.aborted || story === undefined) break;
    const workflowId = `chaos-${number}-${name.replaceAll(/\W+/g, '-')}`;
    const ids = { workflowId, runtimeId: randomUUID() };
    const scene = new Scene(house, ids, createRandom(seed, workflowId), giveUp);
    playing.push(
      play(scene, story, startMs < turnMs ? () => scene.sleep(until(turnMs)) : undefined).then((problem) => {
        const ended = { name, story, scene, problem };
        onEnd(ended);
        return ended;
      }),
    );
  }
  return await Promise.all(playing);
}

/** Returns what could not be done. A pipeline with a `turn` is started before it. */
async function play(
  scene: Scene,
  story: Story,
  turn: (() => Promise<void>) | undefined,
): Promise<string | undefined> {
  try {
    const input = await story.input(scene);
    await (turn ? startAndWait(scene, input, turn) : scene.start(input));
    await story.operate?.(scene, input);
    await scene.closed();
    return undefined;
  } catch (error) {
    return toMessage(error);
  }
}

async function startAndWait(scene: Scene, input: StoryInput, turn: () => Promise<void>): Promise<void> {
  await scene.start({ ...input, waitFor: input.waitFor ?? { signal: true } });
  await turn();
  // In a story with the signal, its operator sends it.
  if (input.waitFor === undefined) await scene.insist(() => unlessEnded(scene.handle.jobFinished()));
}
