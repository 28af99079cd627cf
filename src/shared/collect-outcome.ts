import * as z from 'zod';
import type { CollectedFile } from './collect.js';
import { type ApiProblem, apiProblemSchema } from './failure-details.js';

/** A file that is in durable storage, as a batch reports it. */
export interface StoredOutcome {
  /** `kept`: the destination had a file that this collect did not make, and `ifExists: 'keep'` left it there. */
  readonly outcome: 'collected' | 'kept';
  /** Id of the file. Absent, like `path`, in the batches of a large pipeline, whose history it would fill. */
  readonly fileId?: string;
  /** Path in durable storage, if the API names it. */
  readonly path?: string;
  /** Size in bytes, if the API names it. */
  readonly sizeBytes?: number;
  /** Ids of further files with the same collection key. A slow server made them after the client had given up waiting. */
  readonly duplicateIds?: readonly string[];
  /** Fields that the contract requires and that the response lacked, or had in another type. */
  readonly missingFields?: readonly string[];
  /** Set when the file was requested again after an unclear outcome, so that there may be two. */
  readonly unverified?: true;
}

export const storedOutcomeSchema = z.object({
  outcome: z.enum(['collected', 'kept']),
  fileId: z.string().exactOptional(),
  path: z.string().exactOptional(),
  sizeBytes: z.int().exactOptional(),
  duplicateIds: z.array(z.string()).readonly().exactOptional(),
  missingFields: z.array(z.string()).readonly().exactOptional(),
  unverified: z.literal(true).exactOptional(),
});

/** A file that is in durable storage, by its id. */
export interface StoredFileRef extends StoredOutcome {
  /** Id of the file. */
  readonly fileId: string;
}

/** A file of a batch that finally failed. */
export interface FailedCollect extends ApiProblem {
  /** Tells the kinds of outcomes apart. */
  readonly outcome: 'failed';
}

/** What became of one file of a batch. */
export type CollectOutcome = StoredOutcome | FailedCollect;

export const collectOutcomeSchema = z.union([
  storedOutcomeSchema,
  apiProblemSchema.extend({ outcome: z.literal('failed') }),
]);

/** What the last lookup found of files whose outcome was unclear. */
export interface VerifiedFiles {
  /** By file key, as many as fit into 1 MB. A file that was found once, and had not failed, is not among them. */
  readonly files: Readonly<Record<string, StoredFileRef>>;
  /** Number of duplicates of the files that did not fit. */
  readonly moreDuplicates: number;
}

/** The ids of a file's duplicates: every id that the lookup found, except the file's own. */
export function getDuplicateIds(
  fileId: string,
  { fileId: oldestId, duplicateIds = [] }: StoredFileRef,
): string[] {
  return [oldestId, ...duplicateIds].filter((id) => id !== fileId);
}

export function toStoredFileRef(file: CollectedFile): StoredFileRef {
  const { id: fileId, path, sizeBytes, kept, duplicateIds, missingFields, unverified } = file;
  return {
    outcome: kept ? 'kept' : 'collected',
    fileId,
    ...(path !== undefined && { path }),
    ...(sizeBytes !== undefined && { sizeBytes }),
    ...(duplicateIds && { duplicateIds }),
    ...(missingFields && { missingFields }),
    ...(unverified && { unverified }),
  };
}

/** The outcome without id and path, for files that no report lists: a third of what a history holds of a file. */
export function toBriefOutcome(file: CollectedFile): StoredOutcome {
  const { fileId: _, path: __, ...outcome } = toStoredFileRef(file);
  return outcome;
}
