import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** Hexadecimal digits: 128 bits, so that no two texts ever meet. */
export const SHORT_SHA256_LENGTH = 32;

/** A short name for a text, the same in a worker and in the workflow sandbox. */
export function shortSha256(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text))).slice(0, SHORT_SHA256_LENGTH);
}
