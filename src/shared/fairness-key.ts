import { digest } from './digest.js';

/** Temporal refuses longer ones. */
const MAXIMUM_BYTES = 64;

/** The share of a busy task queue that a runtime has for itself. */
export function fairnessKeyOf(runtimeId: string): string {
  return new TextEncoder().encode(runtimeId).length <= MAXIMUM_BYTES ? runtimeId : digest(runtimeId);
}
