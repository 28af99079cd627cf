import type { BctrlClient } from '../bctrl/bctrl-client.js';
import type { File } from '../shared/api-schema.js';

/** How far the clocks of the API's own machines may be apart: they are kept by one operator. */
const STORAGE_CLOCK_SKEW_MS = 10_000;

/** How far the `Date` of a response, which may be a CDN's, may be ahead of the clock by which files are made. */
const DATE_SKEW_MS = 60_000;

/** A `createdAt` so far ahead of the API's `Date` is a fault, after which no lookup would find anything. */
const MAXIMUM_AHEAD_MS = 10 * 60 * 1_000;

/**
 * Where a lookup begins: no file of a request that is sent from now on is older. It is reckoned by the API's clock alone, from
 * the newest `createdAt` that the API has shown, else from the `Date` of its responses.
 */
export class CreatedAtWatermark {
  readonly #client: Pick<BctrlClient, 'apiTimeMs'>;
  #createdMs: number | undefined;

  constructor(client: Pick<BctrlClient, 'apiTimeMs'>) {
    this.#client = client;
  }

  readonly observe = ({ createdAt = '' }: File): void => {
    const createdMs = Date.parse(createdAt);
    const apiMs = this.#client.apiTimeMs ?? Date.now();
    if (!(createdMs <= apiMs + MAXIMUM_AHEAD_MS)) return;
    this.#createdMs = Math.max(this.#createdMs ?? 0, createdMs);
  };

  /** Milliseconds since the epoch; 0, which is before all files, as long as nothing is known of the API's clock. */
  get lookupFromMs(): number {
    if (this.#createdMs !== undefined) return this.#createdMs - STORAGE_CLOCK_SKEW_MS;
    return this.#client.apiTimeMs === undefined ? 0 : this.#client.apiTimeMs - DATE_SKEW_MS;
  }
}
