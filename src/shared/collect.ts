import { z } from 'zod';
import { collectRequestSchema, type File } from './api-schema.js';
import { collectionKeySchema, idSchema } from './bounded-string.js';
import { durationSchema } from './duration.js';
import { externalInput } from './external-input.js';
import { SHORT_SHA256_LENGTH, sourceAndDestination } from './keys.js';
import { COLLECTION_KEY_FIELD } from './names.js';
import type { ReasonClass } from './reason-class.js';

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

export const fileOptionsSchema = collectRequestSchema.extend({
  /** Labels that are stored with the file: at most 64 KiB of JSON. The field `temporalCollectionKey` is reserved. */
  metadata: collectRequestSchema.shape.metadata
    .unwrap()
    .refine(
      (metadata) => !(COLLECTION_KEY_FIELD in metadata),
      `the field ${COLLECTION_KEY_FIELD} is reserved`,
    )
    .optional(),
  /**
   * What to do when the destination already has a file that this collect did not make. `fail` (default): the file fails with
   * `conflict`. `keep`: the existing file is the result.
   */
  ifExists: z.enum(['fail', 'keep']).optional(),
  /** How long after the first attempt a missing file is still expected to appear. Default: it fails at once. */
  appearsWithin: durationSchema.optional(),
});

export type FileOptions = z.infer<typeof fileOptionsSchema>;

const collectFieldsSchema = z.strictObject({
  runtimeId: idSchema,
  /**
   * Prefix of the files' collection keys, by which a retry finds what a lost attempt made. The activity appends each file's own
   * key. See the function `collectionKey` of `bctrl-temporal/workflow`. Default: made from the id of the activity.
   */
  collectionKey: collectionKeySchema.optional(),
  /** An earlier run of the workflow may have collected the files: look them up before the first attempt too. */
  checkExistingFirst: z.boolean().optional(),
  /** Another run of the workflow, such as one that was reset, may still be collecting until its next heartbeat. */
  concurrentRun: z.boolean().optional(),
});

export const collectRuntimeFileInputSchema = externalInput(
  fileOptionsSchema.extend(collectFieldsSchema.shape),
);
export type CollectRuntimeFileInput = z.infer<typeof collectRuntimeFileInputSchema>;

function areDistinct(files: readonly FileOptions[]): boolean {
  return new Set(files.map(sourceAndDestination)).size === files.length;
}

/** The outcomes of so many files, with long paths, fit into the 2 MB of a payload. */
export const MAX_BATCH_SIZE = 1_000;

/** All files of a pipeline. */
const MAX_VERIFIED_FILES = 10_000;

export const collectRuntimeFilesInputSchema = externalInput(
  collectFieldsSchema.extend({
    files: z
      .array(fileOptionsSchema)
      .min(1)
      .max(MAX_BATCH_SIZE)
      .refine(areDistinct, 'two of them have the same source and destination'),
    /** Leave id and path out of the outcome of a collected file, so that the history stays small. */
    brief: z.boolean().optional(),
  }),
);
export type CollectRuntimeFilesInput = z.infer<typeof collectRuntimeFilesInputSchema>;

/** A file in durable storage. Every string is bounded. The API has the rest by the id, such as metadata and download URL. */
export interface CollectedFile
  extends Pick<
    File,
    'id' | 'spaceId' | 'runId' | 'name' | 'path' | 'contentType' | 'sizeBytes' | 'createdAt' | 'missingFields'
  > {
  /** Set when the file existed before and `ifExists: 'keep'` made it the result. */
  readonly kept?: true;
  /** Ids of further files with the same collection key. */
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

const fileKeysSchema = z.array(z.string().length(SHORT_SHA256_LENGTH)).max(MAX_VERIFIED_FILES).readonly();

export const verifyCollectedFilesInputSchema = externalInput(
  z.strictObject({
    runtimeId: idSchema,
    /** Prefix of the files' collection keys. */
    collectionKey: collectionKeySchema,
    /** Keys (`fileKey`) of files that may have been made twice. */
    collected: fileKeysSchema,
    /** Keys of files that failed, and may have been made all the same. */
    failed: fileKeysSchema,
  }),
);
export type VerifyCollectedFilesInput = z.infer<typeof verifyCollectedFilesInputSchema>;
