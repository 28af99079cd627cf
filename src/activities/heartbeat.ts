import { setMaxListeners } from 'node:events';
import { CancelledFailure, Context, type Info } from '@temporalio/activity';
import type { z } from 'zod';
import { MAX_TIMER_MS } from '../shared/duration.js';
import { type HeartbeatDetails, heartbeatDetailsSchema } from '../shared/heartbeat-details.js';
import { Lease, type TemporalConfirmation } from './lease.js';

/** Without a heartbeat timeout nobody waits for heartbeats, but cancellation still arrives with their responses. */
const DEFAULT_HEARTBEAT_TIMEOUT_MS = 30_000;

/** The two times of a first attempt are the same in Temporal; in its test server they may be a millisecond apart. */
const FIRST_ATTEMPT_TOLERANCE_MS = 50;

/** Stands for the number of an attempt that has not come to its end. */
const UNFINISHED = 0;

/** One attempt of an activity. */
export interface Attempt {
  readonly info: Info;
  /** Aborts on cancellation, on worker shutdown, and when Temporal may have given the work to another worker. */
  readonly signal: AbortSignal;
  /** Whether Temporal still knows this attempt to be alive. To be asked before every request that makes something. */
  readonly isAlive: () => boolean;
  /** The checkpoint of the last attempt that left one; `undefined` where none did. */
  readonly checkpoint: unknown;
  /** An attempt before did not come to its end: it may have done more than its checkpoint says. */
  readonly previousAttemptLost: boolean;
}

export interface AttemptWork<T> {
  readonly run: () => Promise<T>;
  /** What the next attempt goes on with, if this one ends now. JSON. */
  readonly checkpoint: () => unknown;
}

/**
 * Runs one attempt of an activity, with heartbeats that carry its checkpoint. Cancellation and worker shutdown stay what they
 * are.
 *
 * @param temporal for an attempt that must not go on without Temporal
 */
export async function runWithHeartbeat<T>(
  begin: (attempt: Attempt) => AttemptWork<T>,
  temporal?: TemporalConfirmation,
): Promise<T> {
  const context = Context.current();
  const { info, cancellationSignal } = context;
  // A server sends 0 for none.
  const heartbeatTimeoutMs = info.heartbeatTimeoutMs || undefined;
  const confirm = temporal && (() => temporal.of(context));
  const lease = new Lease(heartbeatTimeoutMs, confirm, cancellationSignal);
  const { signal } = lease;
  // Every request in flight listens to it, so many listeners are no leak.
  setMaxListeners(0, signal);
  const details = parseCheckpoint(heartbeatDetailsSchema, info.heartbeatDetails);
  const previousAttemptLost = isPreviousAttemptLost(info, details);
  const isAlive = () => lease.isValid;
  const { run, checkpoint } = begin({
    info,
    signal,
    isAlive,
    checkpoint: details?.checkpoint,
    previousAttemptLost,
  });
  const heartbeat = (attempt: number) => {
    context.heartbeat({ attempt, checkpoint: checkpoint() } satisfies HeartbeatDetails);
  };
  const intervalMs = Math.min((heartbeatTimeoutMs ?? DEFAULT_HEARTBEAT_TIMEOUT_MS) / 3, MAX_TIMER_MS);
  let ticks = 0;
  const tick = () => {
    if (!lease.isValid) return;
    ticks += 1;
    // Twice as often as a heartbeat, so that one confirmation may fail.
    void lease.renew();
    if (ticks % 2 === 0) heartbeat(UNFINISHED);
  };
  const timer = setInterval(tick, intervalMs / 2);
  // Overwrite the old details, or the next attempt would think that its predecessor finished cleanly.
  if (previousAttemptLost) heartbeat(UNFINISHED);
  try {
    if (temporal?.hasJustWoken) {
      await temporal.confirmAttempt(context, { attempt: UNFINISHED, checkpoint: checkpoint() });
    }
    return await run();
  } catch (error) {
    if (!signal.aborted) heartbeat(info.attempt);
    // A cancelled activity must not say anything any more; one that only its worker has stopped goes on elsewhere.
    else if (context.cancellationDetails?.workerShutdown) heartbeat(UNFINISHED);
    throw signal.aborted && !(error instanceof CancelledFailure) ? signal.reason : error;
  } finally {
    clearInterval(timer);
  }
}

/** What an attempt left, if it can be read. A first attempt, the most frequent of all, need not pay for a failed parse. */
export function parseCheckpoint<T>(schema: z.ZodType<T>, checkpoint: unknown): T | undefined {
  return checkpoint === undefined || checkpoint === null ? undefined : schema.safeParse(checkpoint).data;
}

function isPreviousAttemptLost(info: Info, details: HeartbeatDetails | undefined): boolean {
  if (info.attempt === 1) return wasReset(info);
  return details?.attempt !== info.attempt - 1;
}

/** An operator's reset of an activity starts its attempts at 1 again, later than the first one, or with old details. */
function wasReset(info: Info): boolean {
  const laterMs = info.currentAttemptScheduledTimestampMs - info.scheduledTimestampMs;
  return laterMs > FIRST_ATTEMPT_TOLERANCE_MS || (info.heartbeatDetails ?? undefined) !== undefined;
}
