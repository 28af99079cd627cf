import { CompleteAsyncError, Context } from '@temporalio/activity';
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

type ApiWork<T> = (context: ApiActivityContext) => Promise<T>;

/** Returned by work that may take hours. The rest goes on without an activity slot. */
export class Detached<T> {
  readonly work: ApiWork<T>;

  constructor(work: ApiWork<T>) {
    this.work = work;
  }
}

/**
 * Runs one attempt of an activity that is safe to repeat. Its failures are counted by class and thrown as the retry table says.
 *
 * @param subject what the work is about; the message of a failure begins with it
 */
export async function runApiActivity<T>(
  { client, retryTable, random, shutdown }: ActivityDependencies,
  subject: string,
  work: ApiWork<T | Detached<T>>,
): Promise<T> {
  const attempt = new Attempt();
  let state: ApiCheckpoint = parseCheckpoint(apiCheckpointSchema, attempt.checkpoint) ?? { failures: {} };
  const reportJobStatus = (jobStatus: string) => {
    state = { failures: {}, jobStatus };
  };
  const run = async <R>(work: ApiWork<R>, signal: AbortSignal): Promise<R> => {
    try {
      return await work({ client, signal, reportJobStatus });
    } catch (thrown) {
      signal.throwIfAborted();
      const error = toBctrlError(thrown);
      const delayMs = recordFailure(state.failures, error, retryTable[error.reasonClass], random);
      throw toApplicationFailure(error, subject, delayMs);
    }
  };
  const runHere = <R>(work: ApiWork<R>) =>
    attempt.runWithHeartbeat(
      () => run(work, attempt.signal),
      () => state,
    );
  const result = await runHere(work);
  if (!(result instanceof Detached)) return result;
  const isDetached = shutdown.detached.start(Context.current(), {
    run: (signal) => run(result.work, signal),
    getDetails: () => attempt.toDetails(state),
  });
  if (isDetached) throw new CompleteAsyncError();
  return await runHere(result.work);
}
