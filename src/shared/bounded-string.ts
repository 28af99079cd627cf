import { z } from 'zod';

/** The most bytes of UTF-8 that one UTF-16 code unit takes. */
const MAX_BYTES_PER_UNIT = 3;

/** Whether a text has at most so many bytes of UTF-8; hardly any has to be encoded to tell. */
export function isAtMostBytes(text: string, maxBytes: number): boolean {
  if (text.length * MAX_BYTES_PER_UNIT <= maxBytes) return true;
  return text.length <= maxBytes && new TextEncoder().encode(text).length <= maxBytes;
}

/** A text of `minBytes` to `maxBytes` bytes of UTF-8, as Temporal and HTTP count them. Later checks see no other. */
export function boundedString(maxBytes: number, minBytes: 0 | 1 = 1) {
  // One check instead of several: lists have tens of thousands of texts.
  return z.string().check(({ value, issues }) => {
    const isEmpty = value.length < minBytes;
    if (!isEmpty && isAtMostBytes(value, maxBytes)) return;
    const message = isEmpty ? 'must not be empty' : `must be at most ${maxBytes} bytes`;
    issues.push({ code: 'custom', input: value, message, continue: false });
  });
}

/** An id of the API: any text on one line, never parsed. */
export const idSchema = boundedString(500).regex(/^\P{Cc}*$/u, 'must have no control characters');

/** Of a file, in a runtime or in durable storage: the longest that Linux takes. */
export const pathSchema = boundedString(4_096);
export const fileTypeSchema = boundedString(255);

const MAX_KEY_PREFIX_BYTES = 2_000;

/** As JSON, where a character may take six bytes: 500 batches have a key each, in one message of at most 4 MB. */
export const collectionKeyPrefixSchema = boundedString(MAX_KEY_PREFIX_BYTES).refine(
  (prefix) => isAtMostBytes(JSON.stringify(prefix), MAX_KEY_PREFIX_BYTES + '""'.length),
  `must be at most ${MAX_KEY_PREFIX_BYTES} bytes of JSON`,
);

/** A prefix, and the place of a file. */
export const collectionKeySchema = boundedString(MAX_KEY_PREFIX_BYTES + 100);
