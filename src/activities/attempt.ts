import { Context, type Info } from '@temporalio/activity';
import { z } from 'zod';
import type { BctrlClient } from '../bctrl/bctrl-client.js';
import { BctrlError } from '../bctrl/bctrl-error.js';
import { type ReasonClass, reasonClasses } from '../shared/reason-class.js';
import { nextDelayMs, notYetRule, type RetryTable } from '../shared/retry-table.js';
import { toApplicationFailure } from './to-application-failure.js';

/** Without a heartbeat timeout nobody waits for heartbeats, but cancellation still arrives with their answers. */
const DEFAULT_HEARTBEAT_TIMEOUT_MS = 30_000;

/** The two times of a first attempt are the same in Temporal; in its test server they may be a millisecond apart. */
const FIRST_ATTEMPT_TOLERANCE_MS = 50;

/**
 * What an attempt leaves to the next in its heartbeat details. Heartbeats in the middle of an attempt repeat the
 * predecessor's record, so a record whose `attempt` is not the predecessor's number means that the predecessor broke
 * off, and nobody knows what it did.
 */
const recordSchema = z.object({
  attempt: z.int(),
  failures: z.partialRecord(z.enum(reasonClasses), z.int()),
  mayHaveHappened: z.boolean(),
});
type AttemptRecord = z.infer<typeof recordSchema>;

/** What every activity is made with. */
export interface ActivityDependencies {
  readonly client: BctrlClient;
  readonly retryTable: RetryTable;
  /** Yields 0 ≤ x < 1, for the jitter of delays. */
  readonly random: () => number;
}

/** What the work of one attempt can know and say. */
export interface Attempt {
  readonly info: Info;
  /** Aborts on cancellation and on worker shutdown. */
  readonly signal: AbortSignal;
  /** An earlier attempt may have done the work, although it could not say so. */
  readonly mayHaveHappened: boolean;
  /** Something went well: failures before it no longer count. For work that is made of many calls. */
  forgetFailures(): void;
}

export interface AttemptOptions {
  /** What the work is about, as the failure's message names it. */
  readonly subject: string;
  /** Whether a failure means "not yet": it is then retried whatever the table says of its class. */
  readonly isNotYet?: (error: BctrlError, info: Info) => boolean;
}

/**
 * Runs one attempt of an activity: heartbeats, the failure counters, and the one place where an error becomes an
 * ApplicationFailure. Cancellation and worker shutdown stay what they are.
 */
export async function runAttempt<T>(
  dependencies: ActivityDependencies,
  options: AttemptOptions,
  work: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  const { info, cancellationSignal: signal } = context;
  let record = inheritRecord(info);
  const forgetFailures = () => {
    record = { ...record, failures: {} };
  };
  const beatMs = (info.heartbeatTimeoutMs ?? DEFAULT_HEARTBEAT_TIMEOUT_MS) / 3;
  const beat = setInterval(() => context.heartbeat(record), beatMs);
  try {
    return await work({ info, signal, mayHaveHappened: record.mayHaveHappened, forgetFailures });
  } catch (thrown) {
    signal.throwIfAborted();
    const error = toBctrlError(thrown);
    const failures = (record.failures[error.reasonClass] ?? 0) + 1;
    context.heartbeat({
      attempt: info.attempt,
      failures: { ...record.failures, [error.reasonClass]: failures },
      mayHaveHappened: record.mayHaveHappened || error.mayHaveHappened,
    } satisfies AttemptRecord);
    const rule = options.isNotYet?.(error, info) ? notYetRule : dependencies.retryTable[error.reasonClass];
    throw toApplicationFailure(
      error,
      options.subject,
      nextDelayMs(rule, { ...error, failures }, dependencies.random),
    );
  } finally {
    clearInterval(beat);
  }
}

function inheritRecord(info: Info): AttemptRecord {
  const left = recordSchema.safeParse(info.heartbeatDetails).data;
  const brokeOff =
    info.attempt === 1 ? left !== undefined || wasReset(info) : left?.attempt !== info.attempt - 1;
  return {
    attempt: left?.attempt ?? 0,
    failures: left?.failures ?? {},
    mayHaveHappened: brokeOff || (left?.mayHaveHappened ?? false),
  };
}

/** An operator's reset of an activity starts its attempts at 1 again, later than the first one. */
function wasReset({ currentAttemptScheduledTimestampMs, scheduledTimestampMs }: Info): boolean {
  return currentAttemptScheduledTimestampMs - scheduledTimestampMs > FIRST_ATTEMPT_TOLERANCE_MS;
}

/** An error that is none of the API's is a fault of this program: it is retried as often as one of the server's. */
function toBctrlError(thrown: unknown): BctrlError {
  if (thrown instanceof BctrlError) return thrown;
  const cause = thrown instanceof Error ? thrown : new Error(String(thrown));
  const reasonClass: ReasonClass = 'server';
  return new BctrlError(`unexpected ${cause.name}`, { reasonClass, mayHaveHappened: true, cause });
}
