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
  #isRefused = false;
  #keyId: string | undefined;

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

  /** Whether the last check failed because the API refuses the key, rather than for something that may pass. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** The API's id of the key that it accepted last. It is no secret. */
  get keyId(): string | undefined {
    return this.#keyId;
  }

  onRequest(): void {}
  onRateLimitPause(): void {}

  onResponse(_operation: string, status = 0): void {
    const isContradicted = this.#isAccepted ? status === UNAUTHORIZED : status >= 200 && status < 300;
    if (isContradicted) this.#cached = undefined;
  }

  async #check(): Promise<string | undefined> {
    try {
      const { keyId } = await this.#client.whoami();
      this.#keyId = keyId;
      this.#isAccepted = true;
      this.#isRefused = false;
    } catch (error) {
      // A rate limit applies to accepted keys.
      const { reasonClass } = error instanceof BctrlError ? error : {};
      this.#isAccepted = reasonClass === 'rate_limited';
      this.#isRefused = reasonClass === 'unauthorized' || reasonClass === 'capability_denied';
      if (!this.#isAccepted) return toMessage(error);
    }
    return undefined;
  }
}
