import { BctrlError } from '../bctrl/bctrl-error.js';
import type { FailureCounts } from '../shared/heartbeat-details.js';
import type { ReasonClass } from '../shared/reason-class.js';
import { nextRetryDelayMs, type RetryRule } from '../shared/retry-table.js';

/**
 * Counts one more failure.
 *
 * @returns milliseconds until the next attempt, or `null` when this failure is final
 */
export function recordFailure(
  counts: FailureCounts,
  error: BctrlError,
  rule: RetryRule,
  random: () => number,
): number | null {
  const failures = (counts[error.reasonClass] ?? 0) + 1;
  counts[error.reasonClass] = failures;
  return nextRetryDelayMs(rule, { ...error, failures }, random);
}

/** An error that is none of the API's is a fault of this program: it is retried as often as one of the server's. */
export function toBctrlError(thrown: unknown): BctrlError {
  if (thrown instanceof BctrlError) return thrown;
  const cause = thrown instanceof Error ? thrown : new Error(String(thrown));
  const reasonClass: ReasonClass = 'server';
  return new BctrlError(`unexpected ${cause.name}`, { reasonClass, mayHaveSucceeded: true, cause });
}
