import { parseArgs } from 'node:util';

/** What one run of `npm run bench -- fleet` measures. */
export interface FleetPlan {
  /** Pipelines that wait for a job, all on one worker. */
  readonly pipelines: number;
  /** One-file pipelines whose latency is measured, without and with the fleet. */
  readonly latencyRuns: number;
  /** How long the worker is observed while nothing happens, once before and once after the pause; in seconds. */
  readonly restSeconds: number;
  /** The pause, in seconds: it asks less often for jobs that have lasted for ten minutes. */
  readonly pauseSeconds: number;
  /** Small pipelines of a round, and as many hand-written workflows. */
  readonly small: number;
  readonly rounds: number;
}

export interface FleetOptions {
  readonly plan: FleetPlan;
  /** A missed target fails the run. */
  readonly strict: boolean;
  /** The file that the raw results are written to. */
  readonly json: string | undefined;
}

/** @throws Error with a message for the user */
export function parseFleetOptions(argv: readonly string[]): FleetOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      pipelines: { type: 'string', default: '5000' },
      'latency-runs': { type: 'string', default: '15' },
      'rest-seconds': { type: 'string', default: '60' },
      'pause-seconds': { type: 'string', default: '600' },
      small: { type: 'string', default: '500' },
      rounds: { type: 'string', default: '3' },
      strict: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  const count = (name: Exclude<keyof typeof values, 'strict' | 'json'>): number => {
    const text = values[name];
    if (!/^[1-9]\d{0,4}$/.test(text)) throw new Error(`--${name} is a whole number from 1 to 99999`);
    return Number(text);
  };
  if (values.json === '') throw new Error('--json needs the name of a file');
  const plan = {
    pipelines: count('pipelines'),
    latencyRuns: count('latency-runs'),
    restSeconds: count('rest-seconds'),
    pauseSeconds: count('pause-seconds'),
    small: count('small'),
    rounds: count('rounds'),
  };
  return { plan, strict: values.strict, json: values.json };
}
