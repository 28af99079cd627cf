import { toMessage } from '../shared/display-text.js';
import { BctrlError } from './bctrl-error.js';
import { type ApiKey, isHeaderValue } from './client-options.js';
import { redactText } from './redact.js';

/** For this long, a part of the API may not know a new key yet, or its file may have been read while it was written. */
const NEW_KEY_MS = 10_000;

/** Responses to requests with the keys before the current one may still arrive, and quote them. */
const REMEMBERED_KEYS = 4;

const UNAUTHORIZED = 401;

/** What the requests with one API key have in common. */
export interface Credentials {
  readonly apiKey: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly jsonHeaders: Readonly<Record<string, string>>;
  /** When the key took the place of another one, by the monotonic clock. */
  readonly replacedMs: number | undefined;
  /** Short hash of the account whose files the key lists, once it is known. */
  account: string | undefined;
}

/** The credentials of a client. A new key has new ones, whose account is not known yet. */
export class CredentialsSource {
  readonly #getKey: Exclude<ApiKey, string>;
  readonly #subaccountId: string | undefined;
  readonly #nowMs: () => number;
  #latest: Credentials | undefined;
  #keys: readonly string[] = [];

  /** @param nowMs the monotonic clock */
  constructor(apiKey: ApiKey, subaccountId: string | undefined, nowMs = () => performance.now()) {
    this.#getKey = typeof apiKey === 'string' ? () => apiKey : apiKey;
    this.#subaccountId = subaccountId;
    this.#nowMs = nowMs;
  }

  /** Those of the latest key that was used. */
  get latest(): Credentials | undefined {
    return this.#latest;
  }

  /** The keys that a text of the API may quote. */
  get keys(): readonly string[] {
    return this.#keys;
  }

  /**
   * Returns the credentials for a request that is about to be sent. They are no promise unless the key is one: every request
   * passes here.
   *
   * @param request names the request in messages
   * @throws BctrlError if there is no key
   */
  take(request: string): Credentials | Promise<Credentials> {
    const fail = (error: unknown) => {
      throw this.#toNoKeyError(request, error);
    };
    try {
      const key = this.#getKey();
      if (typeof key === 'string') return this.#use(key);
      return Promise.resolve(key)
        .then((each) => this.#use(each))
        .catch(fail);
    } catch (error) {
      return fail(error);
    }
  }

  /**
   * Returns the error for a request that was refused. A key that has been replaced meanwhile, or has just replaced another one,
   * is a problem that passes: the request made nothing, and the next attempt has the right key.
   */
  async judge(error: BctrlError, { apiKey, replacedMs }: Credentials): Promise<BctrlError> {
    if (error.status !== UNAUTHORIZED) return error;
    if (await this.#isReplaced(apiKey)) {
      return toPassing(error, 'api_key.replaced', 'the API key has been replaced meanwhile');
    }
    const isNew = replacedMs !== undefined && this.#nowMs() - replacedMs < NEW_KEY_MS;
    return isNew ? toPassing(error, 'api_key.new', 'the API key has just been replaced') : error;
  }

  async #isReplaced(refused: string): Promise<boolean> {
    try {
      return this.#use(await this.#getKey(refused)).apiKey !== refused;
    } catch {
      // The refusal says more than why there is no other key.
      return false;
    }
  }

  #use(apiKey: string): Credentials {
    if (apiKey === this.#latest?.apiKey) return this.#latest;
    if (!isHeaderValue(apiKey)) throw new TypeError('it must be visible ASCII characters, and not empty');
    const headers = {
      authorization: `Bearer ${apiKey}`,
      accept: 'application/json',
      'accept-encoding': 'identity',
      ...(this.#subaccountId !== undefined && { 'bctrl-subaccount-id': this.#subaccountId }),
    };
    this.#keys = [apiKey, ...this.#keys.filter((key) => key !== apiKey)].slice(0, REMEMBERED_KEYS);
    this.#latest = {
      apiKey,
      headers,
      jsonHeaders: { ...headers, 'content-type': 'application/json' },
      replacedMs: this.#latest && this.#nowMs(),
      account: undefined,
    };
    return this.#latest;
  }

  #toNoKeyError(request: string, error: unknown): BctrlError {
    const problem = redactText(toMessage(error), this.#keys);
    return new BctrlError(`${request} was not sent: there is no API key: ${problem}`, {
      reasonClass: 'upstream',
      code: 'api_key.unavailable',
      mayHaveSucceeded: false,
    });
  }
}

function toPassing(error: BctrlError, code: string, reason: string): BctrlError {
  const { status, requestId, retryAfterMs } = error;
  return new BctrlError(`${error.message} (${reason})`, {
    reasonClass: 'upstream',
    code,
    status,
    requestId,
    retryAfterMs,
    mayHaveSucceeded: false,
  });
}
