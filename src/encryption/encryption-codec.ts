import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { truncateLine } from '../shared/display-text.js';
import type { KeyRing } from './key-ring.js';
import { payloadFromBytes, payloadToBytes } from './payload-bytes.js';

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** The metadata of an encrypted payload: the encoding and the field of the key's id are those of Temporal's samples. */
const ENCODING = 'binary/encrypted';
const KEY_ID_FIELD = 'encryption-key-id';
const FORMAT_FIELD = 'encryption-format';
const FORMAT = '1';

/** A payload that this process cannot decrypt. The message is one line that says why and what to do. */
export class DecryptionError extends Error {
  override readonly name = 'DecryptionError';
}

/**
 * Encrypts whole payloads with AES-256-GCM. The data of an encrypted payload is a random IV, the serialized payload in encrypted
 * form, and the authentication tag, which also covers the format and the key's id. Payloads that are not encrypted pass through
 * when it decodes, so that histories from before stay readable; without keys they also do when it encodes.
 *
 * It works in this thread: handing a payload to another one takes longer than encrypting it, unless it has hundreds of kilobytes.
 */
export class EncryptionCodec implements PayloadCodec {
  readonly #keys: KeyRing;

  constructor(keys: KeyRing) {
    this.#keys = keys;
  }

  async encode(payloads: Payload[]): Promise<Payload[]> {
    const { first } = this.#keys;
    return first ? payloads.map((payload) => encrypt(payload, first.id, first.key)) : payloads;
  }

  /** @throws DecryptionError */
  async decode(payloads: Payload[]): Promise<Payload[]> {
    return payloads.map((payload) => (isEncrypted(payload) ? decrypt(payload, this.#keys) : payload));
  }
}

function isEncrypted(payload: Payload): boolean {
  return readField(payload, 'encoding') === ENCODING;
}

function encrypt(payload: Payload, keyId: string, key: KeyObject): Payload {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(toAdditionalData(keyId));
  const parts = [iv, cipher.update(payloadToBytes(payload)), cipher.final()];
  return {
    metadata: {
      encoding: Buffer.from(ENCODING),
      [KEY_ID_FIELD]: Buffer.from(keyId),
      [FORMAT_FIELD]: Buffer.from(FORMAT),
    },
    data: Buffer.concat([...parts, cipher.getAuthTag()]),
  };
}

function decrypt(payload: Payload, keys: KeyRing): Payload {
  const format = readField(payload, FORMAT_FIELD);
  if (format !== FORMAT) {
    const name =
      format === undefined ? 'a format of another program' : `the format "${truncateLine(format)}"`;
    throw new DecryptionError(
      `a payload is encrypted in ${name}, which this version of bctrl-temporal does not know`,
    );
  }
  const keyId = readField(payload, KEY_ID_FIELD) ?? '';
  const name = `encrypted with the key "${truncateLine(keyId)}"`;
  const key = keys.get(keyId);
  if (key === undefined) {
    throw new DecryptionError(
      `a payload is ${name}, which this process does not have: add it to BCTRL_ENCRYPTION_KEYS_FILE, or to the keys of createEncryption`,
    );
  }
  const data = payload.data ?? new Uint8Array();
  let bytes: Uint8Array;
  try {
    const iv = data.subarray(0, IV_BYTES);
    const decipher = createDecipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
    decipher.setAAD(toAdditionalData(keyId));
    decipher.setAuthTag(data.subarray(Math.max(data.length - TAG_BYTES, IV_BYTES)));
    bytes = decipher.update(data.subarray(IV_BYTES, -TAG_BYTES));
    // Checks the tag.
    decipher.final();
  } catch (cause) {
    throw new DecryptionError(
      `authentication failed for a payload that is ${name}: this process has another key of that id, or the payload was changed`,
      { cause },
    );
  }
  return payloadFromBytes(bytes);
}

function toAdditionalData(keyId: string): Buffer {
  return Buffer.from(`${FORMAT}:${keyId}`);
}

function readField({ metadata }: Payload, name: string): string | undefined {
  const value = metadata?.[name];
  return value == null ? undefined : Buffer.from(value).toString();
}
