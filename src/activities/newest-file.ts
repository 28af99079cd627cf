import type { Info } from '@temporalio/activity';
import type { File } from '../shared/wire.js';

/** How far the API's clock may be behind Temporal's. */
const CLOCK_SKEW_MS = 10 * 60 * 1_000;

/** How far the clocks of the API's own machines may be apart: they are kept by one operator. */
const API_CLOCK_SKEW_MS = 10_000;

/**
 * The newest `createdAt` that the API has shown. What it is asked for afterwards it makes later, by its own clock: a look
 * for that need not read the whole listing.
 */
export class NewestFile {
  #createdMs: number | undefined;

  /** A time that is far ahead of this machine's is a fault, after which no look would find anything. */
  see({ createdAt }: File, nowMs = Date.now()): void {
    const createdMs = Date.parse(createdAt);
    if (createdMs > nowMs + CLOCK_SKEW_MS) return;
    this.#createdMs = Math.max(this.#createdMs ?? 0, createdMs);
  }

  /** No file of a request that is sent from now on is older. Milliseconds since the epoch; unknown before the first file. */
  get since(): number | undefined {
    return this.#createdMs === undefined ? undefined : this.#createdMs - API_CLOCK_SKEW_MS;
  }
}

/** No file that the activity has made is older, by the API's clock. Milliseconds since the epoch. */
export function beginningOf({ scheduledTimestampMs }: Info): number {
  return scheduledTimestampMs - CLOCK_SKEW_MS;
}
