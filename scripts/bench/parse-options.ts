import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly quick: boolean;
  readonly strict: boolean;
  readonly repetitions: number | undefined;
  /** Where the raw results are written. */
  readonly json: string | undefined;
}

/** What is wrong with the command line, in one line. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** @throws UsageError */
export function parseOptions(argv: readonly string[]): BenchOptions {
  const { quick, strict, repetitions, json } = parseValues(argv);
  if (repetitions !== undefined && !/^[1-9]\d?$/.test(repetitions)) {
    throw new UsageError('--repetitions is a whole number from 1 to 99');
  }
  if (json === '') throw new UsageError('--json needs the name of a file');
  return { quick, strict, repetitions: repetitions === undefined ? undefined : Number(repetitions), json };
}

function parseValues(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        quick: { type: 'boolean', default: false },
        strict: { type: 'boolean', default: false },
        repetitions: { type: 'string' },
        json: { type: 'string' },
      },
    });
    return values;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(message.replaceAll(/\s*\n\s*/g, ' '), { cause: error });
  }
}
