import type { z } from 'zod';
import { truncatePath } from './truncate-line.js';

/** A field of an input is at most so far down; what is below it may be of any depth. */
const SHOWN_PARTS = 5;

/**
 * The first problem of a refused input, as a person names it: `files[3].appearsWithin: expected a duration …`. It is one
 * short line, whatever the input is.
 */
export function formatZodError(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return error.message;
  const parts = issue.path.slice(0, SHOWN_PARTS).map((part) => {
    return typeof part === 'number' ? `[${part}]` : `.${truncatePath(String(part))}`;
  });
  if (parts.length < issue.path.length) parts.push('…');
  const message = toMessage(issue);
  return parts.length === 0 ? message : `${parts.join('').replace(/^\./, '')}: ${message}`;
}

/** In words that need no zod. */
function toMessage(issue: z.core.$ZodIssue): string {
  if (
    issue.code === 'invalid_type' &&
    issue.message.endsWith('received undefined') &&
    issue.path.length > 0
  ) {
    return 'is missing';
  }
  if (issue.code === 'unrecognized_keys') return `Unrecognized key: "${truncatePath(issue.keys[0] ?? '')}"`;
  return issue.message;
}
