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

/** A collection key of another workflow goes on with the place of a file, so it is shorter than a whole key. */
export const MAX_KEY_PREFIX_BYTES = 2_000;
export const collectionKeySchema = boundedString(MAX_KEY_PREFIX_BYTES + 100);
