import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure, type Context, type Info } from '@temporalio/activity';
import {
  ActivityCancelledError,
  ActivityNotFoundError,
  ActivityPausedError,
  ActivityResetError,
  type AsyncCompletionClient,
  type Client,
} from '@temporalio/client';
import { ApplicationFailureCategory } from '@temporalio/common';
import { DEFAULT_HEARTBEAT_TIMEOUT_MS } from './attempt.js';
import { getTemporalClient } from './lease.js';

/** Pause before Temporal is told again, after a call that failed: short compared with a heartbeat timeout. */
const RETRY_PAUSE_MS = 2_000;

/** The attempts of a worker that stops are handed over with this many calls at once. */
const RELEASES_IN_FLIGHT = 50;

/** Handing over 5,000 attempts takes a few seconds. Temporal gives those that are left to other workers by their heartbeat timeout. */
const RELEASE_TIMEOUT_MS = 5_000;

/** Attempts that are handed over start again within this time, rather than all at once. */
const RELEASE_SPREAD_MS = 3_000;

/** What is left of an activity when its function has returned. */
export interface DetachedWork {
  /** Resolves to the activity's result, or rejects with its failure. The signal aborts when the work is no longer wanted. */
  run(signal: AbortSignal): Promise<unknown>;
  /** Details of the next heartbeat; JSON. */
  getDetails(): unknown;
}

/**
 * Attempts that go on after their activity function has returned, so that they occupy no activity slot of the worker, however
 * many there are and however long they take. Temporal has them as running: heartbeats keep them, and their task token completes
 * them. If the process dies, the heartbeat timeout gives them to another worker.
 */
export class DetachedAttempts {
  readonly #running = new Set<DetachedAttempt>();

  get size(): number {
    return this.#running.size;
  }

  /**
   * Runs the work. The activity must throw a `CompleteAsyncError` afterwards.
   *
   * @returns `false` in a test environment without a client, where nothing can complete the activity later
   */
  start(context: Context, work: DetachedWork): boolean {
    const client = getTemporalClient(context);
    if (client === undefined) return false;
    const attempt = new DetachedAttempt(client, context.info, work);
    this.#running.add(attempt);
    void attempt.run().then((problem) => {
      this.#running.delete(attempt);
      if (problem !== undefined) context.log.warn('Activity failed', { problem });
    });
    return true;
  }

  /** Gives all attempts of the worker with this client to other workers, at once rather than after their heartbeat timeout. */
  async release(client: Client | undefined): Promise<void> {
    const attempts = [...this.#running].filter((attempt) => attempt.client === client);
    for (const attempt of attempts) attempt.stop();
    const untilMs = performance.now() + RELEASE_TIMEOUT_MS;
    const releaseNext = async () => {
      for (let next = attempts.pop(); next && performance.now() < untilMs; next = attempts.pop()) {
        await next.release();
      }
    };
    const released = Promise.all(Array.from({ length: RELEASES_IN_FLIGHT }, releaseNext));
    await Promise.race([released, sleep(RELEASE_TIMEOUT_MS, undefined, { ref: false })]);
  }
}

class DetachedAttempt {
  readonly client: Client;
  readonly #activity: AsyncCompletionClient;
  readonly #info: Info;
  readonly #work: DetachedWork;
  readonly #timeoutMs: number;
  readonly #stop = new AbortController();
  #confirmedMs = performance.now();
  #heartbeatTimer: NodeJS.Timeout | undefined;

  constructor(client: Client, info: Info, work: DetachedWork) {
    this.client = client;
    this.#activity = client.activity;
    this.#info = info;
    this.#work = work;
    // A server sends 0 for no heartbeat timeout.
    this.#timeoutMs = info.heartbeatTimeoutMs || DEFAULT_HEARTBEAT_TIMEOUT_MS;
  }

  /** Resolves when Temporal knows how the attempt ended, or no longer wants to. Returns the message of a final failure. */
  async run(): Promise<string | undefined> {
    const { taskToken } = this.#info;
    const { signal } = this.#stop;
    this.#scheduleHeartbeat();
    try {
      const result = await this.#work.run(signal);
      await this.#tell(() => this.#activity.complete(taskToken, result));
    } catch (error) {
      if (signal.aborted) return undefined;
      await this.#fail(error);
      if (error instanceof ApplicationFailure && error.nonRetryable) return error.message;
    } finally {
      this.stop();
    }
    return undefined;
  }

  /** The heartbeat carries the failure counts to the next attempt. If nothing arrives, the heartbeat timeout ends this one. */
  async #fail(error: unknown): Promise<void> {
    const { taskToken } = this.#info;
    try {
      await this.#tell(() => this.#activity.heartbeat(taskToken, this.#work.getDetails()));
      await this.#tell(() => this.#activity.fail(taskToken, error));
    } catch {
      this.stop();
    }
  }

  /** Ends the work without telling Temporal. */
  stop(): void {
    clearTimeout(this.#heartbeatTimer);
    this.#stop.abort();
  }

  /** Tells Temporal that another worker has to go on. */
  async release(): Promise<void> {
    const failure = ApplicationFailure.create({
      message: 'the worker has stopped',
      type: 'WorkerShutdown',
      nextRetryDelay: 1 + Math.random() * RELEASE_SPREAD_MS,
      category: ApplicationFailureCategory.BENIGN,
    });
    // If it does not arrive, the heartbeat timeout has the same effect.
    await this.#activity.fail(this.#info.taskToken, failure).catch(() => undefined);
  }

  /**
   * Repeats a call until it succeeds, the attempt is gone, or Temporal has given it to another worker by now.
   *
   * @throws the error of a call that fails for good, such as a result that Temporal does not take
   */
  async #tell(call: () => Promise<void>): Promise<void> {
    const untilMs = performance.now() + this.#timeoutMs;
    while (!this.#isLost) {
      try {
        await call();
        this.#confirmedMs = performance.now();
        return;
      } catch (error) {
        if (isGone(error) || isInterruption(error)) return;
        if (performance.now() > untilMs) throw error;
      }
      await sleep(RETRY_PAUSE_MS, undefined, { ref: false });
    }
  }

  get #isLost(): boolean {
    return performance.now() - this.#confirmedMs > this.#timeoutMs;
  }

  /** What is left of the timeout is for repeating a heartbeat that failed. Jitter spreads attempts that began together. */
  #scheduleHeartbeat(delayMs = this.#timeoutMs * (0.6 + Math.random() * 0.1)): void {
    this.#heartbeatTimer = setTimeout(() => void this.#heartbeat(), delayMs).unref();
  }

  async #heartbeat(): Promise<void> {
    const { taskToken } = this.#info;
    try {
      await this.#activity.heartbeat(taskToken, this.#work.getDetails());
      this.#confirmedMs = performance.now();
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      if (isGone(error) || this.#isLost) return this.stop();
      if (!isInterruption(error)) return this.#scheduleHeartbeat(RETRY_PAUSE_MS);
      this.stop();
      if (!(error instanceof ActivityCancelledError)) return await this.release();
      return await this.#activity.reportCancellation(taskToken).catch(() => undefined);
    }
    if (!this.#stop.signal.aborted) this.#scheduleHeartbeat();
  }
}

/** The activity was completed, timed out, or is another attempt's; or its workflow has closed. */
function isGone(error: unknown): boolean {
  return error instanceof ActivityNotFoundError;
}

/** An operator or the workflow wants the attempt to end. */
function isInterruption(error: unknown): boolean {
  return (
    error instanceof ActivityCancelledError ||
    error instanceof ActivityPausedError ||
    error instanceof ActivityResetError
  );
}
