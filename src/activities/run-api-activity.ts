import type { BctrlClient } from '../bctrl/bctrl-client.js';
import { type ApiCheckpoint, apiCheckpointSchema } from '../shared/heartbeat-details.js';
import type { RetryTable } from '../shared/retry-table.js';
import { recordFailure, toApplicationFailure, toBctrlError } from './failures.js';
import { Attempt, parseCheckpoint } from './heartbeat.js';
import type { TemporalConfirmation } from './lease.js';
import type { CreatedAtWatermark, ListSettling } from './lookup-window.js';

/** What the activities of a worker share. */
export interface ActivityDependencies {
  readonly client: BctrlClient;
  readonly retryTable: RetryTable;
  /** Yields 0 ≤ x < 1, for the jitter of delays. */
  readonly random: () => number;
  readonly watermark: CreatedAtWatermark;
  readonly listSettling: ListSettling;
  readonly temporal: TemporalConfirmation;
}

export interface ApiActivityContext {
  readonly client: BctrlClient;
  /** Aborts on cancellation and on worker shutdown. */
  readonly signal: AbortSignal;
  /** Reports a job that is still running: the heartbeat shows its status, and earlier failures no longer count. */
  reportJobStatus(status: string): void;
}

/**
 * Runs one attempt of an activity that is safe to repeat. Its failures are counted by class and thrown as the retry table says.
 *
 * @param subject what the work is about; the message of a failure begins with it
 */
export async function runApiActivity<T>(
  { client, retryTable, random }: ActivityDependencies,
  subject: string,
  work: (context: ApiActivityContext) => Promise<T>,
): Promise<T> {
  const attempt = new Attempt();
  const { signal } = attempt;
  let state: ApiCheckpoint = parseCheckpoint(apiCheckpointSchema, attempt.checkpoint) ?? { failures: {} };
  const reportJobStatus = (jobStatus: string) => {
    state = { failures: {}, jobStatus };
  };
  const run = async () => {
    try {
      return await work({ client, signal, reportJobStatus });
    } catch (thrown) {
      signal.throwIfAborted();
      const error = toBctrlError(thrown);
      const delayMs = recordFailure(state.failures, error, retryTable[error.reasonClass], random);
      throw toApplicationFailure(error, subject, delayMs);
    }
  };
  return await attempt.runWithHeartbeat(run, () => state);
}
