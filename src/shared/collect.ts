import * as z from 'zod';
import { collectRequestSchema } from './api-schema.js';
import type { CollectRequest, File } from './api-types.js';
import { collectionKeySchema } from './bounded-string.js';
import { type Duration, durationSchema } from './duration.js';
import { externalInput } from './external-input.js';
import { SHORT_SHA256_LENGTH, sourceAndDestination } from './keys.js';
import { COLLECTION_KEY_FIELD } from './names.js';
import type { ReasonClass } from './reason-class.js';
import { type RuntimeInput, runtimeInputSchema } from './runtime-input.js';

/** The API's code for a file that is not in the runtime's workspace. */
const MISSING_FILE_CODE = 'file.not_found';
const missingFileStatuses: readonly (number | undefined)[] = [404, 410];

interface Failure {
  readonly reasonClass: ReasonClass;
  readonly code?: string | undefined;
  readonly status?: number | undefined;
}

/**
 * Whether a failure says that the file is not in the runtime's workspace. Any other 404, such as a proxy's or one for another
 * resource, says nothing about the file.
 */
export function isMissingFile({ reasonClass, code, status }: Failure): boolean {
  return reasonClass === 'not_found' && code === MISSING_FILE_CODE && missingFileStatuses.includes(status);
}

/** A file to collect. Two with the same source and destination are one file. */
export interface FileOptions extends CollectRequest {
  /** Labels that are stored with the file: at most 64 KiB of JSON. The field `temporalCollectionKey` is reserved. Default: none. */
  readonly metadata?: Record<string, unknown> | undefined;
  /**
   * What to do when the destination already has a file that this collect did not make. `fail` (default): the file fails with
   * `conflict`. `keep`: the existing file is the result.
   */
  readonly ifExists?: 'fail' | 'keep' | undefined;
  /** How long after the first attempt a missing file is still expected to appear. Default: it fails at once. */
  readonly appearsWithin?: Duration | undefined;
}

export const fileOptionsSchema = collectRequestSchema.extend({
  metadata: collectRequestSchema.shape.metadata
    .unwrap()
    .refine(
      (metadata) => !(COLLECTION_KEY_FIELD in metadata),
      `the field ${COLLECTION_KEY_FIELD} is reserved`,
    )
    .optional(),
  ifExists: z.enum(['fail', 'keep']).optional(),
  appearsWithin: durationSchema.optional(),
});

/** What the inputs of both collect activities have in common. `collectionKey()` makes three of the fields: spread its result. */
interface CollectFields extends RuntimeInput {
  /**
   * Prefix of the files' collection keys, by which a retry finds what a lost attempt made: 1 to 2,100 bytes of UTF-8. The
   * activity appends each file's own key. Default: made from the id of the activity.
   */
  readonly collectionKey?: string | undefined;
  /** An earlier run of the workflow may have collected the files: look them up before the first attempt too. Default: false. */
  readonly checkExistingFirst?: boolean | undefined;
  /**
   * Another run of the workflow, such as one that was reset, may still be collecting until its next heartbeat: wait for that
   * before the lookup. Default: false.
   */
  readonly concurrentRun?: boolean | undefined;
}

const collectFieldsSchema = runtimeInputSchema.extend({
  collectionKey: collectionKeySchema.optional(),
  checkExistingFirst: z.boolean().optional(),
  concurrentRun: z.boolean().optional(),
});

/** Input of the activity `collectRuntimeFile`. */
export interface CollectRuntimeFileInput extends FileOptions, CollectFields {}

export const collectRuntimeFileInputSchema = externalInput(
  fileOptionsSchema.extend(collectFieldsSchema.shape),
);

function areDistinct(files: readonly FileOptions[]): boolean {
  return new Set(files.map(sourceAndDestination)).size === files.length;
}

/** The outcomes of so many files, with long paths, fit into the 2 MB of a payload. */
export const MAX_BATCH_SIZE = 1_000;

/** All files of a pipeline. */
const MAX_VERIFIED_FILES = 10_000;

/** Input of the activity `collectRuntimeFiles`. */
export interface CollectRuntimeFilesInput extends CollectFields {
  /** 1 to 1,000 files, each with another source and destination. */
  readonly files: readonly FileOptions[];
}

/** Input of `collectRuntimeFiles` from the pipeline workflow. */
export interface CollectBatchInput extends CollectRuntimeFilesInput {
  /** Leave id and path out of the outcome of a collected file, so that the history stays small. Default: false. */
  readonly brief?: boolean | undefined;
}

export const collectRuntimeFilesInputSchema = externalInput(
  collectFieldsSchema.extend({
    files: z
      .array(fileOptionsSchema)
      .min(1)
      .max(MAX_BATCH_SIZE)
      .refine(areDistinct, 'two of them have the same source and destination'),
    brief: z.boolean().optional(),
  }),
);

/** A file in durable storage. Every string is bounded. The API has the rest by the id, such as metadata and download URL. */
export interface CollectedFile
  extends Pick<
    File,
    'id' | 'spaceId' | 'runId' | 'name' | 'path' | 'contentType' | 'sizeBytes' | 'createdAt' | 'missingFields'
  > {
  /** Set when the file existed before and `ifExists: 'keep'` made it the result. */
  readonly kept?: true;
  /** Ids of further files with the same collection key. Absent if there are none. */
  readonly duplicateIds?: readonly string[];
  /**
   * Set when the file was requested again after an unclear outcome, so that there may be two. `verifyCollectedFiles` finds
   * out, once the listing shows both.
   */
  readonly unverified?: true;
}

export function toCollectedFile(file: File): CollectedFile {
  const { id, spaceId, runId, name, path, contentType, sizeBytes, createdAt, missingFields } = file;
  const collected = { id, spaceId, runId, name, path, contentType, sizeBytes, createdAt };
  return missingFields ? { ...collected, missingFields } : collected;
}

type Dated = Pick<File, 'createdAt'>;

/** Sorts files from the oldest to the newest. One without a valid `createdAt` counts as new. */
export function compareAge(a: Dated, b: Dated): number {
  return createdMs(a) - createdMs(b);
}

function createdMs({ createdAt = '' }: Dated): number {
  const ms = Date.parse(createdAt);
  return Number.isNaN(ms) ? Number.MAX_SAFE_INTEGER : ms;
}

const fileKeysSchema = z.array(z.string().length(SHORT_SHA256_LENGTH)).max(MAX_VERIFIED_FILES).readonly();

/** Input of the activity `verifyCollectedFiles`. */
export interface VerifyCollectedFilesInput extends RuntimeInput {
  /** Prefix of the files' collection keys: that of the collect. */
  readonly collectionKey: string;
  /** Keys of files that may have been made twice, at most 10,000. A key is the part of the collection key after the prefix. */
  readonly collected: readonly string[];
  /** Keys of files that failed, and may have been made all the same, at most 10,000. */
  readonly failed: readonly string[];
}

export const verifyCollectedFilesInputSchema = externalInput(
  runtimeInputSchema.extend({
    collectionKey: collectionKeySchema,
    collected: fileKeysSchema,
    failed: fileKeysSchema,
  }),
);
