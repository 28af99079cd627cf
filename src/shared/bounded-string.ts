import * as z from 'zod';

/** The most bytes of UTF-8 that one UTF-16 code unit takes. */
const MAX_BYTES_PER_UNIT = 3;

/** Whether a text has at most `maxBytes` bytes of UTF-8. Only a text near the limit is encoded to find out. */
export function isAtMostBytes(text: string, maxBytes: number): boolean {
  if (text.length * MAX_BYTES_PER_UNIT <= maxBytes) return true;
  return text.length <= maxBytes && new TextEncoder().encode(text).length <= maxBytes;
}

/** Bytes that a value takes in a payload of Temporal's default converter. */
export function jsonByteLength(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

/** A text of `minBytes` to `maxBytes` bytes of UTF-8, as Temporal and HTTP count. Later checks do not run on a refused text. */
export function boundedString(maxBytes: number, minBytes: 0 | 1 = 1) {
  // One check instead of several: lists have tens of thousands of texts.
  return z.string().check(({ value, issues }) => {
    const isEmpty = value.length < minBytes;
    if (!isEmpty && isAtMostBytes(value, maxBytes)) return;
    const message = isEmpty ? 'must not be empty' : `must be at most ${maxBytes} bytes`;
    issues.push({ code: 'custom', input: value, message, continue: false });
  });
}

/** An id of the API: opaque, on one line. */
export const idSchema = boundedString(500).regex(/^\P{Cc}*$/u, 'must have no control characters');

/** A path in a runtime or in durable storage. 4,096 bytes is the longest that Linux takes. */
export const pathSchema = boundedString(4_096);
export const fileTypeSchema = boundedString(255);

/** 500 batches carry a key each, in one gRPC message of at most 4 MB. */
const MAX_KEY_PREFIX_BYTES = 2_000;

/** The prefix of all collection keys of a pipeline. Its JSON counts, in which a character may take six bytes. */
export const collectionKeyPrefixSchema = boundedString(MAX_KEY_PREFIX_BYTES).refine(
  (prefix) => isAtMostBytes(JSON.stringify(prefix), MAX_KEY_PREFIX_BYTES + '""'.length),
  `must be at most ${MAX_KEY_PREFIX_BYTES} bytes of JSON`,
);

/** A prefix and a suffix, of a file or of the caller's choice. */
export const collectionKeySchema = boundedString(MAX_KEY_PREFIX_BYTES + 100);
