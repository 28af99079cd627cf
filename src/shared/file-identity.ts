import type { FileOptions } from './collect.js';
import { digest } from './digest.js';

/**
 * Which file of a runtime it is: two of the same source and destination are one. It is the file's own place in its
 * collection key too: its number in a list would stand for another file once the list comes in another order.
 */
export function fileIdentity({
  runtimePath,
  destinationPath,
}: Pick<FileOptions, 'runtimePath' | 'destinationPath'>): string {
  return digest(JSON.stringify([runtimePath, destinationPath]));
}
