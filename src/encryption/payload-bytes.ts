import type { Payload } from '@temporalio/common';

/*
 * `temporal.api.common.v1.Payload` in Protocol Buffers, as Temporal's encryption samples serialize it: a map of metadata in field 1,
 * and data in field 2. It has so few fields that it needs no library, which a client in a bundle would have to carry.
 */

/** Wire type of everything in a payload: bytes with a length. */
const LENGTH_DELIMITED = 2;

const tagOf = (field: number) => (field << 3) | LENGTH_DELIMITED;
const [FIRST, SECOND] = [tagOf(1), tagOf(2)];

/** Serializes a payload. */
export function payloadToBytes({ metadata, data }: Payload): Buffer {
  const entries = Object.entries(metadata ?? {}).map(([name, value]) =>
    toField(FIRST, Buffer.concat([toField(FIRST, Buffer.from(name)), toField(SECOND, value)])),
  );
  return Buffer.concat([...entries, ...(data?.length ? [toField(SECOND, data)] : [])]);
}

/** @throws RangeError for bytes that are no payload */
export function payloadFromBytes(bytes: Uint8Array): Payload {
  const metadata: [name: string, value: Uint8Array][] = [];
  let data: Uint8Array = new Uint8Array();
  for (const [tag, value] of readFields(bytes)) {
    if (tag === SECOND) data = value;
    if (tag !== FIRST) continue;
    const entry = new Map(readFields(value));
    const name = Buffer.from(entry.get(FIRST) ?? []).toString();
    metadata.push([name, entry.get(SECOND) ?? new Uint8Array()]);
  }
  return { metadata: Object.fromEntries(metadata), data };
}

function toField(tag: number, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([tag, ...toVarint(value.length)]), value]);
}

function toVarint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...toVarint(value >>> 7)];
}

function* readFields(bytes: Uint8Array): Generator<[tag: number, value: Uint8Array]> {
  let offset = 0;
  const readVarint = () => {
    for (let [value, shift] = [0, 0]; shift < 32; shift += 7) {
      const byte = bytes[offset++] ?? 0x80;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError('the number is too long');
  };
  while (offset < bytes.length) {
    const tag = readVarint();
    const length = readVarint();
    if ((tag & 7) !== LENGTH_DELIMITED || length > bytes.length - offset) {
      throw new RangeError('the bytes are no payload');
    }
    yield [tag, bytes.subarray(offset, offset + length)];
    offset += length;
  }
}
