import { z } from 'zod';
import { collectRequestSchema, type File } from './api-schema.js';
import { collectionKeySchema, idSchema } from './bounded-string.js';
import { durationSchema } from './duration.js';
import { externalInput } from './external-input.js';
import { sourceAndDestination } from './file-key.js';
import { COLLECTION_KEY_FIELD } from './names.js';
import type { ReasonClass } from './reason-class.js';

/** The API's own code for a file that is not in the runtime's workspace. */
const MISSING_FILE_CODE = 'file.not_found';
const missingFileStatuses: readonly (number | undefined)[] = [404, 410];

/**
 * Whether a failure says that the file is not in the runtime's workspace. Any other 404, that of a proxy or of another resource
 * for instance, says nothing about the file.
 */
export function isMissingFile({
  reasonClass,
  code,
  status,
}: {
  readonly reasonClass: ReasonClass;
  readonly code?: string | undefined;
  readonly status?: number | undefined;
}): boolean {
  return reasonClass === 'not_found' && code === MISSING_FILE_CODE && missingFileStatuses.includes(status);
}

/** What to do about a file of the same path in durable storage that is not this collect's own. */
const ifExistsSchema = z.enum(['fail', 'keep']);

export const fileOptionsSchema = collectRequestSchema.extend({
  metadata: collectRequestSchema.shape.metadata
    .unwrap()
    .refine(
      (metadata) => !(COLLECTION_KEY_FIELD in metadata),
      `the field ${COLLECTION_KEY_FIELD} is reserved`,
    )
    .optional(),
  /** `fail` (default): the file fails with `conflict`. `keep`: the file that is there is the result. */
  ifExists: ifExistsSchema.optional(),
  /** How long a `not_found` of this file means "not yet", from the first attempt on. */
  appearsWithin: durationSchema.optional(),
});

export type FileOptions = z.infer<typeof fileOptionsSchema>;

const collectTaskSchema = z.strictObject({
  runtimeId: idSchema,
  /**
   * Marks the files, so that an attempt whose predecessor got no response can find them. In a batch each file adds its own
   * place. Default: made from the activity's id.
   */
  collectionKey: collectionKeySchema.optional(),
  /** An earlier run of the workflow may have collected the files: look for them on the first attempt too. */
  checkExistingFirst: z.boolean().optional(),
  /** Another run of the workflow, one that was reset for instance, may go on collecting until its next heartbeat. */
  concurrentRun: z.boolean().optional(),
});

export const collectRuntimeFileInputSchema = externalInput(fileOptionsSchema.extend(collectTaskSchema.shape));
export type CollectRuntimeFileInput = z.infer<typeof collectRuntimeFileInputSchema>;

function areDistinct(files: readonly FileOptions[]): boolean {
  return new Set(files.map(sourceAndDestination)).size === files.length;
}

/** Their outcomes, with long paths, stay under the 2 MB of a payload in Temporal. */
export const MAX_BATCH_SIZE = 1_000;

/** As many files as a pipeline has. */
const MAX_VERIFIED_FILES = 10_000;

export const collectRuntimeFilesInputSchema = externalInput(
  collectTaskSchema.extend({
    files: z
      .array(fileOptionsSchema)
      .min(1)
      .max(MAX_BATCH_SIZE)
      .refine(areDistinct, 'two of them have the same source and destination'),
    /** Leave ids and paths of the collected files out of the outcomes: a third of what a history holds of a file. */
    brief: z.boolean().optional(),
  }),
);
export type CollectRuntimeFilesInput = z.infer<typeof collectRuntimeFilesInputSchema>;

/**
 * A file that is in durable storage: what a pipeline needs of it. Every string is bounded; the API has the rest, its `metadata`
 * and `downloadUrl` among it.
 */
export interface CollectedFile
  extends Pick<
    File,
    'id' | 'spaceId' | 'runId' | 'name' | 'path' | 'contentType' | 'sizeBytes' | 'createdAt' | 'missingFields'
  > {
  /** It was there before and is not this collect's own (`ifExists: 'keep'`). */
  readonly kept?: true;
  /** Ids of further files with the same collection key. */
  readonly duplicateIds?: readonly string[];
  /**
   * It was asked for again after a request whose outcome was unclear, so that it may be there twice: a look through the
   * listing, some time later, tells (`verifyCollectedFiles`).
   */
  readonly unverified?: true;
}

export function toCollectedFile(file: File): CollectedFile {
  const { id, spaceId, runId, name, path, contentType, sizeBytes, createdAt, missingFields } = file;
  const collected = { id, spaceId, runId, name, path, contentType, sizeBytes, createdAt };
  return missingFields ? { ...collected, missingFields } : collected;
}

/** Hexadecimal SHA-256 prefixes, as `fileIdentity` makes them. */
const fileKeySchema = z.string().length(32);

export const verifyCollectedFilesInputSchema = externalInput(
  z.strictObject({
    runtimeId: idSchema,
    collectionKey: collectionKeySchema,
    /** Identities of files that may be there more than once. */
    collected: z.array(fileKeySchema).max(MAX_VERIFIED_FILES).readonly(),
    /** Identities of files that failed, and may be there all the same. */
    failed: z.array(fileKeySchema).max(MAX_VERIFIED_FILES).readonly(),
  }),
);
export type VerifyCollectedFilesInput = z.infer<typeof verifyCollectedFilesInputSchema>;
