import type { z } from 'zod';

/** The first problem of a refused input, as a person names it: `files[3].appearsWithin: expected a duration …`. */
export function describeIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return error.message;
  const path = issue.path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('');
  return path === '' ? issue.message : `${path.replace(/^\./, '')}: ${messageOf(issue)}`;
}

/** Of a field, in words that need no zod. */
function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'too_small' && issue.origin === 'string') return 'must not be empty';
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined')) return 'is missing';
  return issue.message;
}
