import { ApplicationFailure } from '@temporalio/workflow';
import type { z } from 'zod';
import { describeIssue } from '../shared/describe-issue.js';

/**
 * A workflow's input, which the UI or a client in another language may have written. A wrong one fails the execution
 * at once: any other error would fail its first workflow task, which Temporal repeats for ever.
 *
 * @throws ApplicationFailure `invalid_input` naming the field
 */
export function parseWorkflowInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw ApplicationFailure.nonRetryable(describeIssue(parsed.error), 'invalid_input');
}
