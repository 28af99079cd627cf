import { parseArgs } from 'node:util';

export interface ChaosOptions {
  /** The same seed gives the same schedule: kinds, times and targets. What happens between them is up to the machine. */
  readonly seed: number;
  /** How long faults and new pipelines come. */
  readonly durationMs: number;
  /** `false`: a soak at constant load. */
  readonly faults: boolean;
  readonly workers: number;
  readonly pipelines: number;
  /** The file that the figures are written to. */
  readonly json: string | undefined;
}

const PIPELINES_PER_MINUTE = 30;

/** @throws Error with a message for the user */
export function parseChaosOptions(argv: readonly string[]): ChaosOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seed: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '10' },
      'no-faults': { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  if (!/^\d{1,9}$/.test(values.seed)) throw new Error('--seed is a whole number');
  if (!/^(?=.*[1-9])\d{1,3}(\.\d)?$/.test(values.minutes)) throw new Error('--minutes is a number above 0');
  if (values.json === '') throw new Error('--json needs the name of a file');
  const minutes = Number(values.minutes);
  return {
    seed: Number(values.seed),
    durationMs: minutes * 60_000,
    faults: !values['no-faults'],
    workers: 3,
    pipelines: Math.ceil(minutes * PIPELINES_PER_MINUTE),
    json: values.json,
  };
}

export function toCommand({ seed, durationMs, faults }: ChaosOptions): string {
  const soak = faults ? '' : ' --no-faults';
  return `npm run chaos -- --seed ${seed} --minutes ${durationMs / 60_000}${soak}`;
}
