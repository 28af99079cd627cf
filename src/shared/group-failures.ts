import { formatCount, truncatePath } from './display-text.js';
import type { FailedOutcome, Problem } from './pipeline-report.js';

/** Failures with the same cause: their class, code and status are the same, or without a class their message. */
export interface FailureGroup<T extends Problem = FailedOutcome> {
  readonly count: number;
  /** The first of them, as an example. */
  readonly first: T;
}

/** Equal for failures of one group. */
export function toFailureCause({ reasonClass, code, status, message }: Problem): string {
  return JSON.stringify(reasonClass === undefined ? message : [reasonClass, code, status]);
}

/** Groups failures by their cause, the largest group first. */
export function groupFailures<T extends Problem>(failures: Iterable<T>): FailureGroup<T>[] {
  const groups = new Map<string, { count: number; readonly first: T }>();
  for (const failure of failures) {
    const cause = toFailureCause(failure);
    const group = groups.get(cause);
    if (group === undefined) groups.set(cause, { count: 1, first: failure });
    else group.count += 1;
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

/**
 * A group of failed files after its class: `×88: 401 auth.required: The key has expired, e.g. out/13.txt`. A single failure is
 * its message.
 */
export function describeFailureGroup({ count, first }: FailureGroup): string {
  if (count === 1) return first.message;
  return `×${formatCount(count)}: ${toCause(first)}, e.g. ${truncatePath(first.runtimePath)}`;
}

/** The message without what differs from file to file, and without the request, which is the same for all files. */
function toCause({ message, runtimePath }: FailedOutcome): string {
  return withoutPath(message, runtimePath)
    .replace(/^[A-Z]+ \S+ returned /, '')
    .replace(/\.$/, '');
}

/** The message of a file's failure, which begins with the file's path, for other files. */
export function withoutPath(message: string, runtimePath: string): string {
  const prefix = `${truncatePath(runtimePath)}: `;
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
}
