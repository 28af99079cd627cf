import type { BctrlClient } from '../bctrl/bctrl-client.js';
import { RequestLimiter } from '../bctrl/request-limiter.js';
import type { Invocation } from '../shared/api-types.js';
import { MAX_HELD_POLLS } from '../shared/invocation.js';

/** How long the API is asked to hold one poll: shorter than the idle timeout of common proxies (60 s). */
const POLL_SECONDS = 30;

/** With short polls the end of a job is noticed within 5 seconds, while jobs usually end ... */
const SHORT_PAUSE_MS = 4_000;

/** ... and within a minute once a job has lasted for ten minutes. */
const LONG_PAUSE_MS = 50_000;
const LONG_WAIT_MS = 10 * 60_000;

/** Pause between two polls, for a server that does not hold them. */
const MIN_PAUSE_SECONDS = 1;

/** Longest pause, whatever the server asks for: the end of the job goes unnoticed meanwhile. */
const MAX_PAUSE_SECONDS = 30;

/** A job is asked for in an activity slot only so long. */
const FIRST_POLL_TIMEOUT_MS = 5_000;

/** A state of a job, and how long to wait before the next poll. */
export interface Poll {
  readonly invocation: Invocation;
  /** In milliseconds. */
  readonly pauseMs: number;
}

/**
 * Polls the jobs of all waits of a client. As many polls as sockets are cheap for are held by the API until the job ends; the
 * others are short, and take at most half of the client's requests, so that they never hold up the collects.
 */
export class InvocationPolls {
  readonly #client: BctrlClient;
  readonly #shortPolls: RequestLimiter;
  #held = 0;

  constructor(client: BctrlClient) {
    this.#client = client;
    this.#shortPolls = new RequestLimiter(Math.ceil(client.maxRequests / 2), () => {});
  }

  /**
   * @param waitedMs how long the activity has waited so far
   * @throws BctrlError
   */
  async poll(runtimeId: string, id: string, waitedMs: number, signal: AbortSignal): Promise<Poll> {
    if (this.#held < MAX_HELD_POLLS) return await this.#pollHeld(runtimeId, id, signal);
    const invocation = await this.#pollShort(id, signal);
    return { invocation, pauseMs: waitedMs < LONG_WAIT_MS ? SHORT_PAUSE_MS : LONG_PAUSE_MS };
  }

  /**
   * Returns a job as it is now, or `undefined` if that would take long: an activity slot must not wait for the polls of others.
   *
   * @throws BctrlError
   */
  async pollAtOnce(id: string, signal: AbortSignal): Promise<Invocation | undefined> {
    if (this.#shortPolls.inFlight === this.#shortPolls.maxConcurrent) return undefined;
    const timeout = AbortSignal.timeout(FIRST_POLL_TIMEOUT_MS);
    try {
      return await this.#pollShort(id, AbortSignal.any([signal, timeout]));
    } catch (error) {
      if (timeout.aborted && !signal.aborted) return undefined;
      throw error;
    }
  }

  async #pollShort(id: string, signal: AbortSignal): Promise<Invocation> {
    return await this.#shortPolls.run([signal], () => this.#client.getInvocation(id, { signal }));
  }

  async #pollHeld(runtimeId: string, id: string, signal: AbortSignal): Promise<Poll> {
    this.#held += 1;
    try {
      const invocation = await this.#client.waitForInvocation(runtimeId, id, POLL_SECONDS, { signal });
      return { invocation, pauseMs: toPauseMs(invocation.retryAfterSeconds) };
    } finally {
      this.#held -= 1;
    }
  }
}

/** Milliseconds between two polls, as the server asks for. */
export function toPauseMs(retryAfterSeconds = 0): number {
  return Math.min(Math.max(retryAfterSeconds, MIN_PAUSE_SECONDS), MAX_PAUSE_SECONDS) * 1_000;
}
