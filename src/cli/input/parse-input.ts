import type { z } from 'zod';
import { ExitError, exitCodes } from '../../exit.js';
import { formatZodError } from '../../shared/format-zod-error.js';

/** Where a field was read from, as `pipeline.yaml:3:5`; `undefined` for one that was not read from there. */
export type Locate = (path: readonly PropertyKey[]) => string | undefined;

/** @throws Exit `usage` naming the field, and its place if it has one, before anything is started */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown, locate?: Locate): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue?.code === 'unrecognized_keys' ? [...issue.path, ...issue.keys.slice(0, 1)] : issue?.path;
  const place = locate?.(path ?? []);
  const problem = formatZodError(parsed.error);
  throw new ExitError(exitCodes.usage, place === undefined ? problem : `${place}: ${problem}`);
}
