import { parseArgs } from 'node:util';

/** What one run of the benchmark measures, and how often. */
export interface Plan {
  /** Number of files of the measured pipelines, ascending. Most targets are about the largest. */
  readonly sizes: readonly number[];
  readonly repetitions: number;
  /** Number of files of the pipeline of no-op activities. */
  readonly noopFiles: number;
  /** Measured calls of each loop, after `warmUpCalls` that are not measured. */
  readonly calls: number;
  readonly warmUpCalls: number;
  /** Runs of each of the two workflows whose latency is compared, per repetition. */
  readonly latencyRuns: number;
  /** Runs of `bctrl-temporal --help` per repetition. */
  readonly helpRuns: number;
}

export interface BenchOptions {
  readonly plan: Plan;
  /** A missed target fails the run. */
  readonly strict: boolean;
  /** The file that the raw results are written to. */
  readonly json: string | undefined;
}

/** Requests in flight in every loop: the worker's default. */
export const CONCURRENCY = 32;

/** Three give a median, and show how far repetitions lie apart. */
const DEFAULT_REPETITIONS = 3;

const fullPlan = {
  sizes: [10, 100, 1_000, 10_000],
  // The rate is constant: ten times as many would only take ten times as long.
  noopFiles: 1_000,
  calls: 20_000,
  warmUpCalls: 5_000,
  latencyRuns: 20,
  helpRuns: 5,
};

/** Small enough for a test that only checks whether the benchmark works. */
const quickPlan = {
  sizes: [10, 100],
  noopFiles: 50,
  calls: 500,
  warmUpCalls: 100,
  latencyRuns: 3,
  helpRuns: 2,
};

/** @throws Error with a message for the user */
export function parseOptions(argv: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      strict: { type: 'boolean', default: false },
      repetitions: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const { quick, strict, json, repetitions = String(quick ? 1 : DEFAULT_REPETITIONS) } = values;
  if (!/^[1-9]\d?$/.test(repetitions)) throw new Error('--repetitions is a whole number from 1 to 99');
  if (json === '') throw new Error('--json needs the name of a file');
  return { plan: { ...(quick ? quickPlan : fullPlan), repetitions: Number(repetitions) }, strict, json };
}
