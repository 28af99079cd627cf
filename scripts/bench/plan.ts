/** What one run of the benchmark measures, and how often. */
export interface Plan {
  /** Files of the measured pipelines, ascending. The largest is what most targets are about. */
  readonly sizes: readonly number[];
  readonly repetitions: number;
  /** Files of the pipeline of no-op activities. */
  readonly noopFiles: number;
  /** Measured calls of each loop, and those before them that warm it up. */
  readonly calls: number;
  readonly warmUpCalls: number;
  /** Runs of each of the two workflows whose latency is compared, in each repetition. */
  readonly latencyRuns: number;
  /** Starts of the starter's `--help`, in each repetition. */
  readonly helpRuns: number;
}

/** Requests in flight of every loop: what the worker has by default. */
export const CONCURRENCY = 32;

/** Enough for a median and to see how far repetitions lie apart. */
const DEFAULT_REPETITIONS = 3;

const full = {
  sizes: [10, 100, 1_000, 10_000],
  /** It runs at a constant rate, so that ten times as many would only take ten times as long. */
  noopFiles: 1_000,
  calls: 20_000,
  warmUpCalls: 5_000,
  latencyRuns: 20,
  helpRuns: 5,
};

/** Small enough for CI, where it is only seen that the benchmark works. */
const quick = {
  sizes: [10, 100],
  noopFiles: 50,
  calls: 500,
  warmUpCalls: 100,
  latencyRuns: 3,
  helpRuns: 2,
};

export function createPlan(options: { quick: boolean; repetitions?: number | undefined }): Plan {
  if (options.quick) return { ...quick, repetitions: options.repetitions ?? 1 };
  return { ...full, repetitions: options.repetitions ?? DEFAULT_REPETITIONS };
}
