import { createHash, createSecretKey, type KeyObject } from 'node:crypto';

/** A key of AES-256. */
const KEY_BYTES = 32;

/** Enough to tell the keys of one file apart, and no help to guess a key. */
const FINGERPRINT_LENGTH = 8;

/** A key, and the id by which payloads name it. */
export interface EncryptionKey {
  /** 1 to 64 letters, digits, dots, dashes and underscores. It stays readable in Temporal. */
  readonly id: string;
  /** 32 random bytes in base64, as `openssl rand -base64 32` prints them. */
  readonly key: string;
}

/** What can be said of a key. */
export interface KeyFingerprint {
  readonly id: string;
  /** The beginning of the SHA-256 of the key, in hexadecimal. */
  readonly fingerprint: string;
}

/** Keys by id. The first encrypts, all decrypt. Without keys nothing is encrypted. */
export class KeyRing {
  readonly #keys: ReadonlyMap<string, KeyObject>;

  private constructor(keys: ReadonlyMap<string, KeyObject>) {
    this.#keys = keys;
  }

  static readonly empty = new KeyRing(new Map());

  /**
   * @param fail makes the error for the key at this index; no text has a part of the key
   * @throws what `fail` returns
   */
  static create(keys: readonly EncryptionKey[], fail: (index: number, problem: string) => Error): KeyRing {
    const byId = new Map<string, KeyObject>();
    for (const [index, { id, key }] of keys.entries()) {
      if (!/^[\w.-]{1,64}$/.test(id)) {
        throw fail(index, 'has an id that is not 1 to 64 letters, digits, dots, dashes or underscores');
      }
      if (byId.has(id)) throw fail(index, `has the id "${id}" of a key before it`);
      const bytes = decodeBase64(key);
      if (bytes?.length !== KEY_BYTES)
        throw fail(index, `has a key that is not ${KEY_BYTES} bytes in base64`);
      byId.set(id, createSecretKey(bytes));
    }
    return new KeyRing(byId);
  }

  /** The key that encrypts. */
  get first(): { readonly id: string; readonly key: KeyObject } | undefined {
    const [first] = this.#keys;
    return first && { id: first[0], key: first[1] };
  }

  get(id: string): KeyObject | undefined {
    return this.#keys.get(id);
  }

  /** All keys, the one that encrypts first. */
  get fingerprints(): KeyFingerprint[] {
    return [...this.#keys].map(([id, key]) => {
      const hash = createHash('sha256').update(key.export()).digest('hex');
      return { id, fingerprint: hash.slice(0, FINGERPRINT_LENGTH) };
    });
  }
}

/** Node skips what is no base64; a key must be read as it was written. */
function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '') ? bytes : undefined;
}
