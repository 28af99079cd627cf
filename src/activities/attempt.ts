import { setMaxListeners } from 'node:events';
import { CancelledFailure, Context, type Info } from '@temporalio/activity';
import type { z } from 'zod';
import { MAX_TIMER_MS } from '../shared/duration.js';
import { type HeartbeatDetails, heartbeatDetailsSchema } from '../shared/heartbeat-details.js';
import { Lease, type TemporalConfirmation } from './lease.js';

/** Used when the activity has no heartbeat timeout: cancellation arrives only with the response to a heartbeat. */
export const DEFAULT_HEARTBEAT_TIMEOUT_MS = 30_000;

/** Temporal reports the same two times for a first attempt; its test server may be a millisecond off. */
const FIRST_ATTEMPT_TOLERANCE_MS = 50;

/** Stands for the number of an attempt that has not ended. */
const UNFINISHED = 0;

/** One attempt of an activity. */
export class Attempt {
  readonly info: Info;
  /** Aborts on cancellation, on worker shutdown, and when Temporal may have given the work to another worker. */
  readonly signal: AbortSignal;
  /** The checkpoint of the last attempt that left one; `undefined` if none did. */
  readonly checkpoint: unknown;
  /** The previous attempt did not end: it may have done more than its checkpoint says. */
  readonly previousAttemptLost: boolean;
  readonly #context = Context.current();
  readonly #lease: Lease;
  readonly #temporal: TemporalConfirmation | undefined;

  /** @param temporal for an activity that must not continue without Temporal */
  constructor(temporal?: TemporalConfirmation) {
    const { info, cancellationSignal } = this.#context;
    const confirm = temporal && (() => temporal.confirm(this.#context));
    // A server sends 0 for no heartbeat timeout.
    this.#lease = new Lease(info.heartbeatTimeoutMs || undefined, confirm, cancellationSignal);
    this.#temporal = temporal;
    this.info = info;
    this.signal = this.#lease.signal;
    // Every request in flight listens to it, so many listeners are no leak.
    setMaxListeners(0, this.signal);
    const details = parseCheckpoint(heartbeatDetailsSchema, info.heartbeatDetails);
    this.checkpoint = details?.checkpoint;
    this.previousAttemptLost = isPreviousAttemptLost(info, details);
  }

  /** Whether Temporal still considers this attempt alive. Ask before every request that creates something. */
  readonly isAlive = (): boolean => this.#lease.isValid;

  /**
   * Runs the work of the attempt, with heartbeats that carry its checkpoint. Cancellation and worker shutdown are rethrown as
   * they are.
   *
   * @param getCheckpoint what the next attempt continues from if this one ends now; JSON
   */
  async runWithHeartbeat<T>(work: () => Promise<T>, getCheckpoint: () => unknown): Promise<T> {
    const toDetails = (attempt: number): HeartbeatDetails => ({ attempt, checkpoint: getCheckpoint() });
    const heartbeat = (attempt: number) => this.#context.heartbeat(toDetails(attempt));
    // Overwrite the old details, or the next attempt would think that its predecessor finished cleanly.
    if (this.previousAttemptLost) heartbeat(UNFINISHED);
    const timer = this.#startTimer(() => heartbeat(UNFINISHED));
    try {
      if (this.#temporal?.hasJustWoken) {
        await this.#temporal.confirmAttempt(this.#context, toDetails(UNFINISHED));
      }
      return await work();
    } catch (error) {
      if (!this.signal.aborted) heartbeat(this.info.attempt);
      // A cancelled activity sends no more heartbeats. One that only its worker has stopped continues elsewhere.
      else if (this.#context.cancellationDetails?.workerShutdown) heartbeat(UNFINISHED);
      throw this.signal.aborted && !(error instanceof CancelledFailure) ? this.signal.reason : error;
    } finally {
      clearInterval(timer);
    }
  }

  /** Details of an attempt that leaves this checkpoint, whenever it ends. */
  toDetails(checkpoint: unknown): HeartbeatDetails {
    return { attempt: this.info.attempt, checkpoint };
  }

  #startTimer(heartbeat: () => void): NodeJS.Timeout {
    const timeoutMs = this.info.heartbeatTimeoutMs || DEFAULT_HEARTBEAT_TIMEOUT_MS;
    let ticks = 0;
    const tick = () => {
      if (!this.#lease.isValid) return;
      ticks += 1;
      // The lease is renewed twice per heartbeat, so that one confirmation may fail.
      void this.#lease.renew();
      if (ticks % 2 === 0) heartbeat();
    };
    return setInterval(tick, Math.min(timeoutMs / 3, MAX_TIMER_MS) / 2);
  }
}

/** Parses what an attempt left; `undefined` if it left nothing, or nothing readable. */
export function parseCheckpoint<T>(schema: z.ZodType<T>, checkpoint: unknown): T | undefined {
  // First attempts are the most frequent, and a failed parse is slow.
  return checkpoint === undefined || checkpoint === null ? undefined : schema.safeParse(checkpoint).data;
}

function isPreviousAttemptLost(info: Info, details: HeartbeatDetails | undefined): boolean {
  if (info.attempt === 1) return wasReset(info);
  return details?.attempt !== info.attempt - 1;
}

/** An operator's reset restarts an activity at attempt 1, but later than it was scheduled, or with heartbeat details. */
function wasReset(info: Info): boolean {
  const laterMs = info.currentAttemptScheduledTimestampMs - info.scheduledTimestampMs;
  return laterMs > FIRST_ATTEMPT_TOLERANCE_MS || (info.heartbeatDetails ?? undefined) !== undefined;
}
