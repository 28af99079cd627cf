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

  see({ createdAt }: File): void {
    this.#createdMs = Math.max(this.#createdMs ?? 0, Date.parse(createdAt));
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
