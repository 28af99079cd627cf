import type { BctrlClient } from '../bctrl/bctrl-client.js';
import { type ApiCheckpoint, apiCheckpointSchema } from '../shared/heartbeat-details.js';
import type { RetryTable } from '../shared/retry-table.js';
import { recordFailure, toBctrlError } from './failures.js';
import { parseCheckpoint, runWithHeartbeat } from './heartbeat.js';
import { toApplicationFailure } from './to-application-failure.js';

/** What every activity is made with. */
export interface ActivityDependencies {
  readonly client: BctrlClient;
  readonly retryTable: RetryTable;
  /** Yields 0 ≤ x < 1, for the jitter of delays. */
  readonly random: () => number;
}

/** What one attempt can know and say. */
export interface ApiActivityContext {
  readonly client: BctrlClient;
  /** Aborts on cancellation and on worker shutdown. */
  readonly signal: AbortSignal;
  /** A job goes on: failures before this do not count, and whoever looks at the activity sees the status. */
  reportJobStatus(status: string): void;
}

/**
 * Runs one attempt of an activity that is safe to repeat: its failures are counted by class, and thrown as the table
 * says.
 *
 * @param subject what the work is about, as the failure's message names it
 */
export async function runApiActivity<T>(
  { client, retryTable, random }: ActivityDependencies,
  subject: string,
  work: (context: ApiActivityContext) => Promise<T>,
): Promise<T> {
  return await runWithHeartbeat(({ signal, checkpoint }) => {
    let state: ApiCheckpoint = parseCheckpoint(apiCheckpointSchema, checkpoint) ?? { failures: {} };
    const reportJobStatus = (jobStatus: string) => {
      state = { failures: {}, jobStatus };
    };
    return {
      checkpoint: () => state,
      run: async () => {
        try {
          return await work({ client, signal, reportJobStatus });
        } catch (thrown) {
          signal.throwIfAborted();
          const error = toBctrlError(thrown);
          const delayMs = recordFailure(state.failures, error, retryTable[error.reasonClass], random);
          throw toApplicationFailure(error, subject, delayMs);
        }
      },
    };
  });
}
