import type { BctrlClient } from '../bctrl/bctrl-client.js';
import type { RetryTable } from '../shared/retry-table.js';
import { parseInherited, runAttempt } from './attempt.js';
import { countFailure, failureCountsSchema, toBctrlError } from './failures.js';
import { toApplicationFailure } from './to-application-failure.js';

/** What every activity is made with. */
export interface ActivityDependencies {
  readonly client: BctrlClient;
  readonly retryTable: RetryTable;
  /** Yields 0 ≤ x < 1, for the jitter of delays. */
  readonly random: () => number;
}

/** What one attempt can know and say. */
export interface ApiCall {
  readonly client: BctrlClient;
  /** Aborts on cancellation and on worker shutdown. */
  readonly signal: AbortSignal;
  /** Something went well: failures before it no longer count. For work that is made of many calls. */
  forgetFailures(): void;
}

/**
 * Runs one attempt of an activity that is safe to repeat: its failures are counted by class, and thrown as the table
 * says.
 *
 * @param subject what the work is about, as the failure's message names it
 */
export async function callApi<T>(
  { client, retryTable, random }: ActivityDependencies,
  subject: string,
  work: (call: ApiCall) => Promise<T>,
): Promise<T> {
  return await runAttempt(({ signal, inherited }) => {
    let failures = parseInherited(failureCountsSchema, inherited) ?? {};
    const forgetFailures = () => {
      failures = {};
    };
    return {
      left: () => failures,
      run: async () => {
        try {
          return await work({ client, signal, forgetFailures });
        } catch (thrown) {
          signal.throwIfAborted();
          const error = toBctrlError(thrown);
          const delayMs = countFailure(failures, error, retryTable[error.reasonClass], random);
          throw toApplicationFailure(error, subject, delayMs);
        }
      },
    };
  });
}
