import { z } from 'zod';
import type { CollectedFile } from './collect.js';
import { reasonClasses } from './reason-class.js';

/** A file that is there. */
const presentSchema = z.object({
  /** `kept`: a foreign file was there already, and `ifExists: 'keep'` asked to leave it. */
  outcome: z.enum(['collected', 'kept']),
  fileId: z.string(),
  /** Where the file lies in durable storage. */
  path: z.string(),
  sizeBytes: z.int(),
  /** Further files with the same collection key, which a slow server made after its answer was given up. */
  duplicateIds: z.array(z.string()).readonly().exactOptional(),
});
export type PresentFile = Readonly<z.infer<typeof presentSchema>>;

/** The same where nobody would read which file it is, and a history should not hold it. */
const briefSchema = presentSchema.omit({ fileId: true, path: true });
export type BriefOutcome = Readonly<z.infer<typeof briefSchema>>;

/** A failure of the API, for a person who has to act on it or to ask for help. */
const apiProblemSchema = z.object({
  reasonClass: z.enum(reasonClasses),
  /** One sentence. */
  message: z.string(),
  code: z.string().exactOptional(),
  requestId: z.string().exactOptional(),
  hint: z.string().exactOptional(),
});
export type ApiProblem = Readonly<z.infer<typeof apiProblemSchema>>;

const collectOutcomeSchema = z.union([
  presentSchema,
  briefSchema,
  apiProblemSchema.extend({ outcome: z.literal('failed') }),
]);
/** What became of one file of a batch. */
export type CollectOutcome = z.infer<typeof collectOutcomeSchema>;

export function toPresentFile(file: CollectedFile): PresentFile {
  const { id: fileId, path, sizeBytes, kept, duplicateIds } = file;
  const outcome = kept ? 'kept' : 'collected';
  return { outcome, fileId, path, sizeBytes, ...(duplicateIds && { duplicateIds }) };
}

export function toBriefOutcome(file: CollectedFile): BriefOutcome {
  const { fileId: _, path: __, ...outcome } = toPresentFile(file);
  return outcome;
}

/**
 * What an attempt of a batch knows of a file when it ends before the batch does: in its heartbeat details (`left`), and
 * in `details[0]` of its cancellation, both in the order of the files.
 */
export const leftFileSchema = z.object({ outcome: collectOutcomeSchema.optional() });
