import { shortSha256 } from './short-sha256.js';

/** Temporal refuses longer ones. */
const MAXIMUM_BYTES = 64;

/** The share of a busy task queue that a runtime has for itself. */
export function toFairnessKey(runtimeId: string): string {
  return new TextEncoder().encode(runtimeId).length <= MAXIMUM_BYTES ? runtimeId : shortSha256(runtimeId);
}
