import type { z } from 'zod';
import { BctrlError } from '../bctrl/bctrl-error.js';
import { describeIssue } from '../shared/describe-issue.js';
import { toApplicationFailure } from './to-application-failure.js';

/**
 * An activity's input, which any workflow in any language may have written.
 *
 * @throws ApplicationFailure `invalid_input`, final, naming the field
 */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const error = new BctrlError(describeIssue(parsed.error), {
    reasonClass: 'invalid_input',
    mayHaveHappened: false,
  });
  throw toApplicationFailure(error, 'input', null);
}
