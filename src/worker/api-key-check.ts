import type { BctrlClient } from '../bctrl/bctrl-client.js';
import { BctrlError } from '../bctrl/bctrl-error.js';
import type { BctrlClientHooks } from '../bctrl/client-hooks.js';

/** A check is one request; who asks again before gets the last answer. */
const VALID_MS = 30_000;

const UNAUTHORIZED = 401;

/**
 * Whether the API accepts the key: checked when somebody asks, and nobody has asked lately. As the observer of another
 * client with the same key it sees when the last check no longer holds; the next one who asks has it repeated.
 */
export class ApiKeyCheck implements BctrlClientHooks {
  readonly #client: BctrlClient;
  readonly #now: () => number;
  #answer: Promise<string | undefined> | undefined;
  #checkedMs = 0;
  #isAccepted = true;

  /** @param client for the checks alone: their limits are short, and no rate limit holds them back */
  constructor(client: BctrlClient, now: () => number = () => performance.now()) {
    this.#client = client;
    this.#now = now;
  }

  /** @returns what is wrong, in one sentence */
  problem(): Promise<string | undefined> {
    const nowMs = this.#now();
    if (this.#answer === undefined || nowMs - this.#checkedMs >= VALID_MS) {
      this.#checkedMs = nowMs;
      this.#answer = this.#check();
    }
    return this.#answer;
  }

  onRequest(): void {}
  onRateLimitPause(): void {}

  onResponse(_operation: string, status = 0): void {
    const isContradicted = this.#isAccepted ? status === UNAUTHORIZED : status >= 200 && status < 300;
    if (isContradicted) this.#answer = undefined;
  }

  async #check(): Promise<string | undefined> {
    const error = await this.#client.whoami().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    // Who is asked to slow down has been let in.
    this.#isAccepted =
      error === undefined || (error instanceof BctrlError && error.reasonClass === 'rate_limited');
    if (this.#isAccepted) return undefined;
    return error instanceof Error ? error.message : String(error);
  }
}
