import { setTimeout as sleep } from 'node:timers/promises';
import { toMessage } from '../../src/shared/display-text.js';
import { type FaultName, getFaultKind } from './faults.js';
import type { House } from './house.js';
import { createRandom } from './random.js';

export interface PlannedFault {
  readonly name: FaultName;
  /** From the start of the run. */
  readonly atMs: number;
  readonly durationMs: number;
  /** What it strikes: `worker 2`, `network`. */
  readonly target: string;
  readonly worker: number;
  readonly chance: number;
}

/** Some faults overlap, and between them something gets done. */
const PAUSE_MS = [1_500, 4_000] as const;

/** The house needs so long to be what it was, so that no target is struck without a break. */
const RECOVERY_MS = 3_000;

const FIRST_MS = 3_000;

/** Deals the kinds like cards, so that each comes about equally often and none is left out. */
export function planFaults(
  seed: number,
  { durationMs, workers, names }: { durationMs: number; workers: number; names: readonly FaultName[] },
): PlannedFault[] {
  const random = createRandom(seed, 'faults');
  const plan: PlannedFault[] = [];
  const freeFromMs = new Map<string, number>();
  let deck: FaultName[] = [];
  for (let atMs = FIRST_MS; atMs < durationMs; atMs += random.between(...PAUSE_MS)) {
    if (deck.length === 0) deck = random.shuffle(names);
    const worker = random.between(0, workers - 1);
    const toTarget = (name: FaultName) => {
      const { target } = getFaultKind(name);
      return target === 'worker' ? `worker ${worker + 1}` : target;
    };
    const index = deck.findIndex((name) => (freeFromMs.get(toTarget(name)) ?? 0) <= atMs);
    const [name] = index < 0 ? [] : deck.splice(index, 1);
    if (name === undefined) continue;
    const { seconds } = getFaultKind(name);
    const lastsMs = random.between(seconds[0] * 1_000, seconds[1] * 1_000);
    const target = toTarget(name);
    freeFromMs.set(target, atMs + lastsMs + RECOVERY_MS);
    plan.push({ name, atMs, durationMs: lastsMs, target, worker, chance: random.next() });
  }
  return plan;
}

interface Surroundings {
  readonly house: House;
  readonly log: (line: string) => void;
  /** Aborts when the time is up: no other fault begins, and those that last end at once. */
  readonly stop: AbortSignal;
}

/** Strikes by the plan. Resolves when all faults have ended. Returns how often each kind struck, which cannot, and what went wrong. */
export async function runFaults(plan: readonly PlannedFault[], { house, log, stop }: Surroundings) {
  const counts = new Map<FaultName, number>();
  const impossible = new Set<FaultName>();
  const problems: string[] = [];
  const startedMs = performance.now();
  const pause = (ms: number) => sleep(Math.max(ms, 0), undefined, { signal: stop }).catch(() => {});
  // A target that took longer to recover than planned is struck when it has.
  const lastOf = new Map<string, Promise<void>>();
  const strike = async (fault: PlannedFault) => {
    try {
      const end = await getFaultKind(fault.name).begin(house, fault);
      if (end === undefined) {
        impossible.add(fault.name);
        return log(`${fault.name}: not on this machine`);
      }
      counts.set(fault.name, (counts.get(fault.name) ?? 0) + 1);
      log(`${fault.name} (${fault.target}) for ${(fault.durationMs / 1_000).toFixed(1)} s`);
      await pause(fault.durationMs);
      await end();
    } catch (error) {
      const problem = `${fault.name} on ${fault.target}: ${toMessage(error)}`;
      log(problem);
      problems.push(problem);
    }
  };
  for (const fault of plan) {
    await pause(startedMs + fault.atMs - performance.now());
    if (stop.aborted) break;
    const before = lastOf.get(fault.target) ?? Promise.resolve();
    lastOf.set(
      fault.target,
      before.then(() => (stop.aborted ? undefined : strike(fault))),
    );
  }
  await Promise.all(lastOf.values());
  return { counts, impossible, problems };
}
