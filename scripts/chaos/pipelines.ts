import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { toMessage } from '../../src/shared/display-text.js';
import type { House } from './house.js';
import { createRandom } from './random.js';
import { Scene } from './scene.js';
import { type Story, stories } from './stories.js';

export interface PlannedPipeline {
  readonly name: string;
  /** From the start of the run. */
  readonly atMs: number;
  readonly number: number;
}

/** What became of the plan, before histories are read. */
export interface PlayedPipeline {
  readonly name: string;
  readonly story: Story;
  readonly scene: Scene;
  readonly problem: string | undefined;
}

/** So many of all pipelines start together, as when a fleet ends its work. Those of a soak do not: its load is constant. */
const BURST_SHARE = 2 / 3;

/** The others come at even intervals until then: a share of the run. */
const LAST_SHARE = 0.9;

/** Deals the stories like cards, each as often as its share. */
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
  const burst = isSoak ? 0 : Math.floor(count * BURST_SHARE);
  // A burst takes the first turn.
  const first = Math.max(burst - 1, 0);
  const intervalMs = (durationMs * LAST_SHARE) / (count - first);
  let deck: string[] = [];
  return Array.from({ length: count }, (_, index) => {
    if (deck.length === 0) deck = random.shuffle(all);
    return {
      name: deck.pop() ?? '',
      atMs: Math.max(index - first, 0) * intervalMs,
      number: index + 1,
    };
  });
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
  for (const { name, atMs, number } of plan) {
    const pauseMs = Math.max(startedMs + atMs - performance.now(), 0);
    await sleep(pauseMs, undefined, { signal: stop }).catch(() => {});
    const story = stories[name];
    if (stop.aborted || story === undefined) break;
    const workflowId = `chaos-${number}-${name.replaceAll(/\W+/g, '-')}`;
    const ids = { workflowId, runtimeId: randomUUID() };
    const scene = new Scene(house, ids, createRandom(seed, workflowId), giveUp);
    playing.push(
      play(scene, story).then((problem) => {
        const ended = { name, story, scene, problem };
        onEnd(ended);
        return ended;
      }),
    );
  }
  return await Promise.all(playing);
}

/** Returns what could not be done. */
async function play(scene: Scene, story: Story): Promise<string | undefined> {
  try {
    const input = await story.input(scene);
    await scene.start(input);
    await story.operate?.(scene, input);
    await scene.closed();
    return undefined;
  } catch (error) {
    return toMessage(error);
  }
}
