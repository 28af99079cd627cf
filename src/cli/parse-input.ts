import type { z } from 'zod';
import { Exit, exitCodes } from '../exit.js';
import { describeIssue } from '../shared/describe-issue.js';

/** @throws Exit `usage` naming the field, before anything is started */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new Exit(exitCodes.usage, describeIssue(parsed.error));
}
