import { shortSha256 } from './short-sha256.js';

interface SourceAndDestination {
  readonly runtimePath: string;
  readonly destinationPath?: string | undefined;
}

/** Source and destination of a file of a runtime, as one text. */
export function sourceAndDestination({ runtimePath, destinationPath }: SourceAndDestination): string {
  return JSON.stringify([runtimePath, destinationPath]);
}

/**
 * Which file of a runtime it is: two of the same source and destination are one. It is the file's own place in its
 * collection key too: its number in a list would stand for another file once the list comes in another order.
 */
export function fileKey(file: SourceAndDestination): string {
  return shortSha256(sourceAndDestination(file));
}
