import type { BctrlClient } from '../bctrl/bctrl-client.js';
import { type ApiCheckpoint, apiCheckpointSchema } from '../shared/heartbeat-details.js';
import { Attempt, parseCheckpoint } from './attempt.js';
import type { ActivityDependencies } from './dependencies.js';
import { recordFailure, toApplicationFailure, toBctrlError } from './failures.js';

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
