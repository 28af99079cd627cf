import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import proto from '@temporalio/proto';
import fc from 'fast-check';
import { EncryptionCodec } from '../../src/encryption/encryption-codec.js';
import { type EncryptionKey, KeyRing } from '../../src/encryption/key-ring.js';
import { payloadFromBytes, payloadToBytes } from '../../src/encryption/payload-bytes.js';

const createKey = (id: string): EncryptionKey => ({ id, key: randomBytes(32).toString('base64') });
const createCodec = (...keys: EncryptionKey[]) =>
  new EncryptionCodec(KeyRing.create(keys, (index, problem) => new Error(`keys[${index}] ${problem}`)));

const [K1, K2] = [createKey('k1'), createKey('k2')];
const one = createCodec(K1);
const INPUT = { runtimeId: 'rt_1', files: [{ runtimePath: 'secret/report.csv' }] };

function toPayload(value: unknown): Payload {
  return defaultPayloadConverter.toPayload(value) ?? assert.fail('no payload');
}

async function encrypt(codec: EncryptionCodec, value: unknown): Promise<Payload> {
  const [payload] = await codec.encode([toPayload(value)]);
  return payload ?? assert.fail('no payload');
}

async function decrypt(codec: EncryptionCodec, payload: Payload): Promise<unknown> {
  const [decoded] = await codec.decode([payload]);
  return defaultPayloadConverter.fromPayload(decoded ?? assert.fail('no payload'));
}

function textOf({ metadata = {}, data }: Payload): string {
  const parts = [...Object.entries(metadata ?? {}).flat(), data ?? ''];
  return parts.map((part) => Buffer.from(part).toString('latin1')).join('\n');
}

/** The same payload with one byte of its data changed. */
function damage(payload: Payload, index: number): Payload {
  const data = Buffer.from(payload.data ?? []);
  data[index] = (data[index] ?? 0) ^ 1;
  return { ...payload, data };
}

const AUTHENTICATION_FAILED = {
  name: 'DecryptionError',
  message:
    'authentication failed for a payload that is encrypted with the key "k1": this process has another key of that id, or the payload was changed',
};

describe('a payload', () => {
  test('is the same after it was encrypted and decrypted, whatever it has', async () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    const payloads = fc.array(fc.record({ metadata: fc.dictionary(fc.string(), bytes), data: bytes }), {
      maxLength: 5,
    });
    const check = fc.asyncProperty(payloads, async (original) => {
      const plain = original.map(({ metadata, data }) => ({ metadata: { ...metadata }, data }));
      const encrypted = await one.encode(plain);
      const decoded = await one.decode(encrypted);
      const toPlain = ({ metadata, data }: Payload) => ({
        metadata: Object.fromEntries(
          Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value)]),
        ),
        data: Buffer.from(data ?? []),
      });
      assert.deepEqual(decoded.map(toPlain), plain.map(toPlain));
    });
    await fc.assert(check);
  });

  test('of 2 MB is too', async () => {
    const value = 'é'.repeat(1_000_000);
    assert.equal(await decrypt(one, await encrypt(one, value)), value);
  });

  test('shows its encoding and the id of its key, and nothing of itself', async () => {
    const payload = await encrypt(one, INPUT);
    const metadata = Object.entries(payload.metadata ?? {}).map(([name, value]) => [name, String(value)]);
    assert.deepEqual(Object.fromEntries(metadata), {
      encoding: 'binary/encrypted',
      'encryption-key-id': 'k1',
      'encryption-format': '1',
    });
    assert.doesNotMatch(textOf(payload), /rt_1|secret|report|json|runtime/);
  });

  test('is encrypted differently each time', async () => {
    const [a, b] = [await encrypt(one, INPUT), await encrypt(one, INPUT)];
    assert.notDeepEqual(a.data, b.data);
  });

  test('that is not encrypted passes through, and so does any without keys', async () => {
    const plain = [toPayload(INPUT), toPayload(new Uint8Array([1])), toPayload(undefined)];
    assert.deepEqual(await one.decode(plain), plain);
    const none = new EncryptionCodec(KeyRing.empty);
    assert.deepEqual(await none.encode(plain), plain);
    assert.deepEqual(await none.decode(plain), plain);
  });

  test('is serialized as Temporal’s own library does', () => {
    const { Payload } = proto.temporal.api.common.v1;
    for (const value of [INPUT, null, 'x'.repeat(20_000), new Uint8Array(3)]) {
      const payload = toPayload(value);
      assert.deepEqual(Buffer.from(Payload.encode(payload).finish()), payloadToBytes(payload));
      const { metadata, data } = payloadFromBytes(Payload.encode(payload).finish());
      assert.deepEqual(textOf({ metadata: metadata ?? {}, data: data ?? null }), textOf(payload));
    }
  });
});

describe('after a rotation', () => {
  const rotated = createCodec(K2, K1);

  test('the first key encrypts, and all decrypt', async () => {
    const old = await encrypt(one, INPUT);
    const current = await encrypt(rotated, INPUT);
    assert.equal(String(current.metadata?.['encryption-key-id']), 'k2');
    assert.deepEqual([await decrypt(rotated, old), await decrypt(rotated, current)], [INPUT, INPUT]);
  });

  test('a process without the new key says which key it lacks, and what to do', async () => {
    await assert.rejects(decrypt(one, await encrypt(rotated, INPUT)), {
      name: 'DecryptionError',
      message:
        'a payload is encrypted with the key "k2", which this process does not have: add it to BCTRL_ENCRYPTION_KEYS_FILE, or to the keys of createEncryption',
    });
  });
});

describe('a payload is refused', () => {
  test('by another key of the same id', async () => {
    const payload = await encrypt(createCodec(createKey('k1')), INPUT);
    await assert.rejects(decrypt(one, payload), AUTHENTICATION_FAILED);
  });

  test('after a change of any of its bytes, and at any length', async () => {
    const payload = await encrypt(one, INPUT);
    const size = payload.data?.length ?? 0;
    for (let index = 0; index < size; index += 1) {
      await assert.rejects(decrypt(one, damage(payload, index)), AUTHENTICATION_FAILED, `byte ${index}`);
      const data = payload.data?.subarray(0, index) ?? null;
      await assert.rejects(decrypt(one, { ...payload, data }), AUTHENTICATION_FAILED, `${index} bytes`);
    }
  });

  test('that is authentic and none, without doubt of its key', async () => {
    const cipher = createCipheriv('aes-256-gcm', Buffer.from(K1.key, 'base64'), Buffer.alloc(12));
    cipher.setAAD(Buffer.from('1:k1'));
    const parts = [Buffer.alloc(12), cipher.update('no payload'), cipher.final(), cipher.getAuthTag()];
    const payload = { ...(await encrypt(one, INPUT)), data: Buffer.concat(parts) };
    await assert.rejects(decrypt(one, payload), { name: 'RangeError', message: 'the bytes are no payload' });
  });

  test('under the id of another key, whose bytes are the same', async () => {
    const twin = createCodec(K1, { ...K1, id: 'k2' });
    const payload = await encrypt(one, INPUT);
    const renamed = { ...payload.metadata, 'encryption-key-id': Buffer.from('k2') };
    assert.deepEqual(await decrypt(twin, payload), INPUT);
    await assert.rejects(decrypt(twin, { ...payload, metadata: renamed }), /authentication failed/);
  });

  test('in the format of a newer version or of another program', async () => {
    const payload = await encrypt(one, INPUT);
    const newer = { ...payload.metadata, 'encryption-format': Buffer.from('2\n') };
    await assert.rejects(decrypt(one, { ...payload, metadata: newer }), {
      message: 'a payload is encrypted in the format "2", which this version of bctrl-temporal does not know',
    });
    const { 'encryption-format': _, ...foreign } = payload.metadata ?? {};
    await assert.rejects(decrypt(one, { ...payload, metadata: foreign }), {
      message:
        'a payload is encrypted in a format of another program, which this version of bctrl-temporal does not know',
    });
  });
});

describe('a key ring', () => {
  const create = (...keys: EncryptionKey[]) =>
    KeyRing.create(keys, (index, problem) => new Error(`key ${index} ${problem}`));

  test('tells keys apart by their fingerprints', () => {
    const { key } = K1;
    const [a, b, c] = create(K1, { id: 'copy', key }, K2).fingerprints;
    assert.match(a?.fingerprint ?? '', /^[0-9a-f]{8}$/);
    assert.equal(a?.fingerprint, b?.fingerprint);
    assert.notEqual(a?.fingerprint, c?.fingerprint);
  });

  test('refuses what is no key, and says nothing of it', () => {
    for (const key of ['', 'secret', randomBytes(31).toString('base64'), `${K1.key} `, `!${K1.key}`]) {
      assert.throws(() => create(K2, { id: 'k1', key }), {
        message: 'key 1 has a key that is not 32 bytes in base64',
      });
    }
    for (const id of ['', 'a b', 'a'.repeat(65), 'a:b', 'é']) {
      assert.throws(() => create({ id, key: K1.key }), /^Error: key 0 has an id that is not 1 to 64 letters/);
    }
    assert.throws(() => create(K1, { ...K2, id: 'k1' }), {
      message: 'key 1 has the id "k1" of a key before it',
    });
  });
});
