import { performance } from 'node:perf_hooks';

/** Long enough to be interrupted by whatever else the machine does, short enough to be repeated between measurements. */
const STEPS = 100_000_000;

/**
 * How long this machine takes, now, for a fixed piece of work that needs one core and no memory: where this differs from
 * one probe to the next, so may every other number.
 */
export function probeCpu(): number {
  const startMs = performance.now();
  let state = 1;
  for (let step = 0; step < STEPS; step += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
  }
  // Used, so that no compiler leaves the work out.
  if (state === 0) throw new Error('This generator never yields 0');
  return performance.now() - startMs;
}
