import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { collectionKeyPrefixSchema } from './bounded-string.js';

/** Hexadecimal digits: 128 bits, so that no two texts ever collide. */
export const SHORT_SHA256_LENGTH = 32;

/** A short name for a text, the same in a worker and in the workflow sandbox. */
export function shortSha256(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text))).slice(0, SHORT_SHA256_LENGTH);
}

interface SourceAndDestination {
  readonly runtimePath: string;
  readonly destinationPath?: string | undefined;
}

/** Source and destination of a file of a runtime, as one text. */
export function sourceAndDestination({ runtimePath, destinationPath }: SourceAndDestination): string {
  return JSON.stringify([runtimePath, destinationPath]);
}

/**
 * Identifies a file of a runtime: two with the same source and destination are one. It is the suffix of the file's collection
 * key, where a position in a list would name another file as soon as the list comes in another order.
 */
export function fileKey(file: SourceAndDestination): string {
  return shortSha256(sourceAndDestination(file));
}

/** Temporal refuses a longer fairness key. */
const MAX_FAIRNESS_KEY_BYTES = 64;

/** The fairness key of a runtime, which gives each runtime its share of a busy task queue. */
export function toFairnessKey(runtimeId: string): string {
  const { length } = new TextEncoder().encode(runtimeId);
  return length <= MAX_FAIRNESS_KEY_BYTES ? runtimeId : shortSha256(runtimeId);
}

/**
 * The prefix of all collection keys of a workflow, in all of its runs. A long workflow id is hashed: 500 activities carry it in
 * one message.
 *
 * @param firstExecutionRunId the run from which the workflow was retried, reset or continued as new
 */
export function toCollectionKeyPrefix(workflowId: string, firstExecutionRunId: string): string {
  const prefix = `${workflowId}/${firstExecutionRunId}`;
  return collectionKeyPrefixSchema.safeParse(prefix).success
    ? prefix
    : `${shortSha256(workflowId)}/${firstExecutionRunId}`;
}

/** A collection key in its parts. */
export interface CollectionKeyParts {
  /** What all files of the pipeline have in common. */
  readonly prefix: string;
  /** The `fileKey` of source and destination. */
  readonly fileKey: string;
}

const fileKeyPattern = new RegExp(`^[0-9a-f]{${SHORT_SHA256_LENGTH}}$`);

/** @param key the value in a file's metadata, which may be anything */
export function parseCollectionKey(key: unknown): CollectionKeyParts | undefined {
  if (typeof key !== 'string') return undefined;
  const end = key.lastIndexOf('/');
  const fileKey = key.slice(end + 1);
  return end > 0 && fileKeyPattern.test(fileKey) ? { prefix: key.slice(0, end), fileKey } : undefined;
}

/** Whether a prefix is one of a workflow id, whatever its first run was. */
export function isPrefixOfWorkflow(prefix: string, workflowId: string): boolean {
  const id = prefix.slice(0, prefix.lastIndexOf('/'));
  return id === workflowId || id === shortSha256(workflowId);
}
