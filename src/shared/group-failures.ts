import { formatCount, truncatePath } from './display-text.js';
import type { FailedOutcome, Problem } from './pipeline-report.js';

/** Failures with the same cause: their class, code and status are the same, or without a class their message. */
export interface FailureGroup<T extends Problem = FailedOutcome> {
  readonly count: number;
  /** The first of them, as an example. */
  readonly first: T;
}

/** Groups failures by their cause, the largest group first. */
export function groupFailures<T extends Problem>(failures: Iterable<T>): FailureGroup<T>[] {
  const groups = new Map<string, { count: number; readonly first: T }>();
  for (const failure of failures) {
    const { reasonClass, code, status } = failure;
    const cause = JSON.stringify(reasonClass === undefined ? failure.message : [reasonClass, code, status]);
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
  const path = truncatePath(first.runtimePath);
  return `×${formatCount(count)}: ${toCause(first, path)}, e.g. ${path}`;
}

/** The message without what differs from file to file, and without the request, which is the same for all files. */
function toCause({ message }: FailedOutcome, path: string): string {
  const ofAll = message.startsWith(`${path}: `) ? message.slice(path.length + 2) : message;
  return ofAll.replace(/^[A-Z]+ \S+ returned /, '').replace(/\.$/, '');
}
