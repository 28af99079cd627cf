import type { z } from 'zod';
import { ExitError, exitCodes } from '../../exit.js';
import { formatZodError } from '../../shared/parse-input.js';

/** Returns where a field stands in a spec, as `pipeline.yaml:3:5`; `undefined` for a field that is not from the spec. */
export type Locate = (path: readonly PropertyKey[]) => string | undefined;

/**
 * Validates the fields of an input or a message before anything is sent.
 *
 * @throws ExitError `usage` naming the field and its place in the spec
 */
export function parseFields<T>(schema: z.ZodType<T>, fields: unknown, locate?: Locate): T {
  const parsed = schema.safeParse(fields);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue?.code === 'unrecognized_keys' ? [...issue.path, ...issue.keys.slice(0, 1)] : issue?.path;
  const place = locate?.(path ?? []);
  const problem = formatZodError(parsed.error);
  throw new ExitError(exitCodes.usage, place === undefined ? problem : `${place}: ${problem}`);
}
