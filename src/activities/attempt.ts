import { setMaxListeners } from 'node:events';
import { CancelledFailure, Context, type Info } from '@temporalio/activity';
import { z } from 'zod';

/** Without a heartbeat timeout nobody waits for heartbeats, but cancellation still arrives with their answers. */
const DEFAULT_HEARTBEAT_TIMEOUT_MS = 30_000;

/** The two times of a first attempt are the same in Temporal; in its test server they may be a millisecond apart. */
const FIRST_ATTEMPT_TOLERANCE_MS = 50;

/** Stands for the number of an attempt that has not come to its end. */
const UNDER_WAY = 0;

/**
 * Heartbeat details: what an attempt leaves to the next. A record whose `attempt` is not the predecessor's number means
 * that the predecessor broke off, and nobody knows what it did since.
 */
const recordSchema = z.object({ attempt: z.int(), left: z.unknown() });
type AttemptRecord = z.infer<typeof recordSchema>;

/** One attempt of an activity. */
export interface Attempt {
  readonly info: Info;
  /** Aborts on cancellation and on worker shutdown. */
  readonly signal: AbortSignal;
  /** What the last attempt that said anything has left; `undefined` where none has. */
  readonly inherited: unknown;
  /** An attempt before did not come to its end: it may have done more than it left. */
  readonly brokeOff: boolean;
}

export interface AttemptWork<T> {
  readonly run: () => Promise<T>;
  /** What the next attempt inherits, if this one ends now. JSON. */
  readonly left: () => unknown;
}

/**
 * Runs one attempt of an activity, with heartbeats that carry what it leaves to the next. Cancellation and worker
 * shutdown stay what they are.
 */
export async function runAttempt<T>(begin: (attempt: Attempt) => AttemptWork<T>): Promise<T> {
  const context = Context.current();
  const { info, cancellationSignal: signal } = context;
  // Every request in flight listens to it, so many listeners are no leak.
  setMaxListeners(0, signal);
  const record = parseInherited(recordSchema, info.heartbeatDetails);
  const attempt = { info, signal, inherited: record?.left, brokeOff: hasBrokenOff(info, record) };
  const { run, left } = begin(attempt);
  const beat = (ended: number) => context.heartbeat({ attempt: ended, left: left() } satisfies AttemptRecord);
  const timer = setInterval(beat, (info.heartbeatTimeoutMs ?? DEFAULT_HEARTBEAT_TIMEOUT_MS) / 3, UNDER_WAY);
  // The record that is there may be taken for that of a predecessor which ended in good order, if this attempt breaks off too.
  if (attempt.brokeOff) beat(UNDER_WAY);
  try {
    return await run();
  } catch (error) {
    if (!signal.aborted) beat(info.attempt);
    // A cancelled activity must not say anything any more; one that only its worker has stopped goes on elsewhere.
    else if (context.cancellationDetails?.workerShutdown) beat(UNDER_WAY);
    throw signal.aborted && !(error instanceof CancelledFailure) ? signal.reason : error;
  } finally {
    clearInterval(timer);
  }
}

/** What was left, if anything was that can be read. A first attempt, the most frequent of all, need not pay for a failed parse. */
export function parseInherited<T>(schema: z.ZodType<T>, left: unknown): T | undefined {
  return left === undefined || left === null ? undefined : schema.safeParse(left).data;
}

function hasBrokenOff(info: Info, record: AttemptRecord | undefined): boolean {
  if (info.attempt === 1) return wasReset(info);
  return record?.attempt !== info.attempt - 1;
}

/** An operator's reset of an activity starts its attempts at 1 again, later than the first one, or with what was left. */
function wasReset(info: Info): boolean {
  const laterMs = info.currentAttemptScheduledTimestampMs - info.scheduledTimestampMs;
  return laterMs > FIRST_ATTEMPT_TOLERANCE_MS || (info.heartbeatDetails ?? undefined) !== undefined;
}
