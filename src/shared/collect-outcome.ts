import { z } from 'zod';
import type { CollectedFile } from './collect.js';
import { apiProblemSchema } from './failure-details.js';

export const storedOutcomeSchema = z.object({
  /** `kept`: the destination had a file that this collect did not make, and `ifExists: 'keep'` left it there. */
  outcome: z.enum(['collected', 'kept']),
  /** Absent, like `path`, if the batch asked for `brief` outcomes. */
  fileId: z.string().exactOptional(),
  /** Path in durable storage, if the API names it. */
  path: z.string().exactOptional(),
  /** If the API names it. */
  sizeBytes: z.int().exactOptional(),
  /** Further files with the same collection key. A slow server made them after the client had given up waiting. */
  duplicateIds: z.array(z.string()).readonly().exactOptional(),
  /** Fields that the contract requires and that the response lacked, or had in another type. */
  missingFields: z.array(z.string()).readonly().exactOptional(),
  /** Set when the file was requested again after an unclear outcome, so that there may be two. */
  unverified: z.literal(true).exactOptional(),
});
/** A file that is in durable storage. */
export type StoredOutcome = Readonly<z.infer<typeof storedOutcomeSchema>>;

/** A file that is in durable storage, by its id. */
export type StoredFileRef = StoredOutcome & { readonly fileId: string };

export const collectOutcomeSchema = z.union([
  storedOutcomeSchema,
  apiProblemSchema.extend({ outcome: z.literal('failed') }),
]);
/** What became of one file of a batch. */
export type CollectOutcome = z.infer<typeof collectOutcomeSchema>;

/** What the last lookup found of files whose outcome was unclear. */
export interface VerifiedFiles {
  /** By file key, as many as fit into the result. */
  readonly files: Readonly<Record<string, StoredFileRef>>;
  /** Duplicates of the files that did not fit. */
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
