import type { BctrlClient } from '../bctrl/bctrl-client.js';
import { BctrlError } from '../bctrl/bctrl-error.js';
import type { BctrlClientHooks } from '../bctrl/client-hooks.js';
import { toMessage } from '../shared/display-text.js';

/** A check is one request. Readiness probes usually come every 10 seconds. */
const CACHE_MS = 30_000;

const UNAUTHORIZED = 401;

/**
 * Whether the API accepts the key, checked on demand and cached. As `hooks` of another client with the same key it
 * drops the cached result when that client's responses contradict it.
 */
export class ApiKeyCheck implements BctrlClientHooks {
  readonly #client: BctrlClient;
  readonly #now: () => number;
  #cached: Promise<string | undefined> | undefined;
  #checkedMs = 0;
  #isAccepted = true;

  /** @param client has a short timeout and ignores rate-limit pauses, so it is for the checks only */
  constructor(client: BctrlClient, now: () => number = () => performance.now()) {
    this.#client = client;
    this.#now = now;
  }

  /** Why the API does not accept the key, in one sentence. Undefined if it does. */
  problem(): Promise<string | undefined> {
    const nowMs = this.#now();
    if (this.#cached === undefined || nowMs - this.#checkedMs >= CACHE_MS) {
      this.#checkedMs = nowMs;
      this.#cached = this.#check();
    }
    return this.#cached;
  }

  /** Checks the key now, as another one may have taken its place. See `problem`. */
  recheck(): Promise<string | undefined> {
    this.#cached = undefined;
    return this.problem();
  }

  onRequest(): void {}
  onRateLimitPause(): void {}

  onResponse(_operation: string, status = 0): void {
    const isContradicted = this.#isAccepted ? status === UNAUTHORIZED : status >= 200 && status < 300;
    if (isContradicted) this.#cached = undefined;
  }

  async #check(): Promise<string | undefined> {
    try {
      await this.#client.whoami();
      this.#isAccepted = true;
    } catch (error) {
      // A rate limit applies to accepted keys.
      this.#isAccepted = error instanceof BctrlError && error.reasonClass === 'rate_limited';
      if (!this.#isAccepted) return toMessage(error);
    }
    return undefined;
  }
}
