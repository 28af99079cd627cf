import { z } from 'zod';
import { durationSchema } from './duration.js';
import { filePlaces } from './file-identity.js';
import { COLLECTION_KEY } from './names.js';
import { collectRequestSchema, type File } from './wire.js';

/** Not-found codes that are about something else than the file: no waiting makes it appear, and no file is missing. */
const notAboutTheFile = /^(runtime|run|space)\.not_found$/;

/** Whether a failure says that the file is not in the runtime's workspace. */
export function isMissingFile({
  reasonClass,
  code = '',
}: {
  reasonClass: string;
  code?: string | undefined;
}): boolean {
  return reasonClass === 'not_found' && !notAboutTheFile.test(code);
}

/** What to do about a file of the same path in durable storage that is not this collect's own. */
const ifExistsSchema = z.enum(['fail', 'keep']);

export const fileOptionsSchema = collectRequestSchema.extend({
  metadata: z
    .record(z.string(), z.unknown())
    .refine((metadata) => !(COLLECTION_KEY in metadata), `the field ${COLLECTION_KEY} is reserved`)
    .optional(),
  /** `fail` (default): the file fails with `conflict`. `keep`: the file that is there is the result. */
  ifExists: ifExistsSchema.optional(),
  /** How long a `not_found` of this file means "not yet", from the first attempt on. */
  appearsWithin: durationSchema.optional(),
});

export type FileOptions = z.infer<typeof fileOptionsSchema>;

const collectTaskSchema = z.strictObject({
  runtimeId: z.string().min(1),
  /**
   * Marks the files, so that an attempt whose predecessor got no answer can find them. In a batch each file adds its own
   * place. Default: made from the activity's id.
   */
  collectionKey: z.string().min(1).optional(),
  /** An earlier run of the workflow may have collected the files: look for them on the first attempt too. */
  lookFirst: z.boolean().optional(),
});

export const collectRuntimeFileInputSchema = fileOptionsSchema.extend(collectTaskSchema.shape);
export type CollectRuntimeFileInput = z.infer<typeof collectRuntimeFileInputSchema>;

function areDistinct(files: readonly FileOptions[]): boolean {
  return new Set(files.map(filePlaces)).size === files.length;
}

/** Their outcomes, with long paths, stay under the 2 MB of a payload in Temporal. */
export const MAXIMUM_BATCH = 1_000;

export const collectRuntimeFilesInputSchema = collectTaskSchema.extend({
  files: z
    .array(fileOptionsSchema)
    .min(1)
    .max(MAXIMUM_BATCH)
    .refine(areDistinct, 'two of them have the same source and destination'),
  /** Leave ids and paths of the collected files out of the outcomes: a third of what a history holds of a file. */
  brief: z.boolean().optional(),
});
export type CollectRuntimeFilesInput = z.infer<typeof collectRuntimeFilesInputSchema>;

/** The durable file, as the API describes it, plus what only the collecting activity knows. */
export interface CollectedFile extends File {
  /** It was there before and is not this collect's own (`ifExists: 'keep'`). */
  readonly kept?: true;
  /** Ids of further files with the same collection key, which a slow server made after its answer was given up. */
  readonly duplicateIds?: readonly string[];
}
