import { ApplicationFailure } from '@temporalio/common';
import type { z } from 'zod';
import { truncatePath } from './display-text.js';

/**
 * Parses the input of a workflow, a message or an activity, which a client in any language may have written.
 *
 * @throws ApplicationFailure `invalid_input`, not retryable, naming the field. Any other error would fail the workflow task,
 *   which Temporal retries for ever.
 */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw toInvalidInput(formatZodError(parsed.error));
}

/** @param message `field: what is wrong with it` */
export function toInvalidInput(message: string): ApplicationFailure {
  const reasonClass = 'invalid_input';
  return ApplicationFailure.nonRetryable(message, reasonClass, { reasonClass });
}

/** @param message why a message does not suit the state of the pipeline */
export function toConflict(message: string): ApplicationFailure {
  const reasonClass = 'conflict';
  return ApplicationFailure.nonRetryable(message, reasonClass, { reasonClass });
}

/** Fields of an input are at most this deep. What is below, in `metadata`, may have any depth. */
const SHOWN_PARTS = 5;

/**
 * The first problem of a refused input on one short line, whatever the input is:
 * `files[3].appearsWithin: expected a duration …`.
 */
export function formatZodError(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return error.message;
  const parts = issue.path.slice(0, SHOWN_PARTS).map((part) => {
    return typeof part === 'number' ? `[${part}]` : `.${truncatePath(String(part))}`;
  });
  if (parts.length < issue.path.length) parts.push('…');
  const message = formatIssue(issue);
  return parts.length === 0 ? message : `${parts.join('').replace(/^\./, '')}: ${message}`;
}

/** Says without knowledge of zod that a field is missing or unknown. */
function formatIssue(issue: z.core.$ZodIssue): string {
  const { code, message, path } = issue;
  const isMissing = code === 'invalid_type' && message.endsWith('received undefined') && path.length > 0;
  if (isMissing) return 'is missing';
  if (code === 'unrecognized_keys') return `Unrecognized key: "${truncatePath(issue.keys[0] ?? '')}"`;
  return message;
}
