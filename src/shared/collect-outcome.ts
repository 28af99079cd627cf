import { z } from 'zod';
import type { CollectedFile } from './collect.js';
import { reasonClasses } from './reason-class.js';

/** A file that is there. */
const storedFileRefSchema = z.object({
  /** `kept`: a foreign file was there already, and `ifExists: 'keep'` asked to leave it. */
  outcome: z.enum(['collected', 'kept']),
  fileId: z.string(),
  /** Where the file lies in durable storage, if the API says it. */
  path: z.string().exactOptional(),
  /** If the API says it. */
  sizeBytes: z.int().exactOptional(),
  /** Further files with the same collection key: a slow server made them after its response was given up. */
  duplicateIds: z.array(z.string()).readonly().exactOptional(),
  /** Fields that the contract requires and the response did not have, or not of their type. */
  missingFields: z.array(z.string()).readonly().exactOptional(),
  /** It was asked for again after an unclear outcome, so that it may be there twice. */
  unverified: z.literal(true).exactOptional(),
});
export type StoredFileRef = Readonly<z.infer<typeof storedFileRefSchema>>;

/** The same where nobody would read which file it is, and a history should not hold it. */
const briefSchema = storedFileRefSchema.omit({ fileId: true, path: true });
export type BriefOutcome = Readonly<z.infer<typeof briefSchema>>;

/** A failure of the API, for a person who has to act on it or to ask for help. */
const apiProblemSchema = z.object({
  reasonClass: z.enum(reasonClasses),
  /** One sentence. */
  message: z.string(),
  code: z.string().exactOptional(),
  /** HTTP status. */
  status: z.int().exactOptional(),
  requestId: z.string().exactOptional(),
  hint: z.string().exactOptional(),
  /** Of a file: it may be there all the same. */
  unverified: z.literal(true).exactOptional(),
});
export type ApiProblem = Readonly<z.infer<typeof apiProblemSchema>>;

export const collectOutcomeSchema = z.union([
  storedFileRefSchema,
  briefSchema,
  apiProblemSchema.extend({ outcome: z.literal('failed') }),
]);
/** What became of one file of a batch. */
export type CollectOutcome = z.infer<typeof collectOutcomeSchema>;

/** What a last lookup has found of files in doubt. */
export interface VerifiedFiles {
  /** By identity, as many as fit into the result. */
  readonly files: Readonly<Record<string, StoredFileRef>>;
  /** Of those that did not fit: how many files there are beyond the first of each. */
  readonly moreDuplicates: number;
}

/** The ids of a file's duplicates, which the listing has found, beside the one that is told of already. */
export function idsBeside(fileId: string, { fileId: oldestId, duplicateIds = [] }: StoredFileRef): string[] {
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

export function toBriefOutcome(file: CollectedFile): BriefOutcome {
  const { fileId: _, path: __, ...outcome } = toStoredFileRef(file);
  return outcome;
}
