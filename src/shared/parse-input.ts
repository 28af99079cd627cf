import { ApplicationFailure } from '@temporalio/common';
import type { z } from 'zod';
import { formatZodError } from './format-zod-error.js';

/**
 * Parses the input of a workflow, a message or an activity, which a client in any language may have written.
 *
 * @throws ApplicationFailure `invalid_input`, not retryable, naming the field. Any other error would fail a workflow task, which
 *   Temporal retries for ever.
 */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const reasonClass = 'invalid_input';
  throw ApplicationFailure.nonRetryable(formatZodError(parsed.error), reasonClass, { reasonClass });
}
