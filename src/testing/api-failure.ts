import type { ApplicationFailure } from '@temporalio/common';
import { recordFailure, toApplicationFailure } from '../activities/failures.js';
import { BctrlError } from '../bctrl/bctrl-error.js';
import { type Duration, durationToMs } from '../shared/duration.js';
import type { ReasonClass } from '../shared/reason-class.js';
import { retryTable } from '../shared/retry-table.js';

/** What the API says of a failure, and what the activity makes of it. */
export interface ApiFailureOptions {
  /** One sentence. Default: a sentence that names the class. */
  readonly message?: string | undefined;
  /** The API's error code. `file.not_found`, with the class `not_found` and the status 404, is a missing file. */
  readonly code?: string | undefined;
  /** HTTP status. Default: none, as after a lost connection. */
  readonly status?: number | undefined;
  /** Id of the request. Default: none. */
  readonly requestId?: string | undefined;
  /** What to do about it, in the API's words. */
  readonly hint?: string | undefined;
  /** The `details` of the error response. Above 3 KB they are replaced by `{ truncated: true }`. */
  readonly details?: Record<string, unknown> | undefined;
  /** The response's Retry-After: the time until the next attempt, if there is one. Default: none. */
  readonly retryAfter?: Duration | undefined;
  /** Whether there is another attempt. Default: as the retry table says of a first failure of the class. */
  readonly retryable?: boolean | undefined;
  /** The failed collect may have made the file all the same. Default: `false`. */
  readonly unverified?: boolean | undefined;
}

/**
 * The failure that the bctrl activities throw, for activities that a test mocks. With the default retry table, its type, its
 * details, its delay and whether it is retried are those of a first failure.
 */
export function apiFailure(reasonClass: ReasonClass, options: ApiFailureOptions = {}): ApplicationFailure {
  const { message = `a failure of the class ${reasonClass}`, retryAfter, retryable, unverified } = options;
  const error = new BctrlError(message, {
    ...options,
    reasonClass,
    retryAfterMs: retryAfter === undefined ? undefined : durationToMs(retryAfter),
    mayHaveSucceeded: unverified ?? false,
  });
  const row = retryTable[reasonClass];
  const rule =
    retryable === undefined ? row : { ...row, retryable, maximumFailures: null, nonRetryableCodes: [] };
  return toApplicationFailure(
    error,
    undefined,
    recordFailure({}, error, rule, () => 0),
    unverified,
  );
}
