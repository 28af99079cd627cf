import { createHash } from 'node:crypto';

export const SPACE_ID = toUuid('space');
export const ORGANIZATION_ID = toUuid('organization');

/** A runtime of the gateway has one run in its life, so the run's id follows from the runtime's. */
export function runIdOf(runtimeId: string): string {
  return toUuid(`run of ${runtimeId}`);
}

/** The same UUID for the same words, in every process. */
export function toUuid(words: string): string {
  const hex = createHash('sha256').update(words).digest('hex');
  // Version 8 (made by the application's own rule) and the RFC 9562 variant.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** In the one spelling that names a folder on every file system. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}
