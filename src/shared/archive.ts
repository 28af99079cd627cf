import * as z from 'zod';
import { boundedString, collectionKeySchema, fileTypeSchema, idSchema } from './bounded-string.js';
import { externalInput } from './external-input.js';
import { type RuntimeInput, runtimeInputSchema } from './runtime-input.js';

/** More than any run has types of files. */
const MAX_TYPES = 100;

/** A zip of the run's files. */
export interface ArchiveOptions {
  /** Name of the zip file, which must end with `.zip`: at most 255 bytes of UTF-8. Default: chosen by the API. */
  readonly name?: string | undefined;
  /** Export only files of these types, at most 100 of 1 to 255 bytes of UTF-8. Default: files of all types. */
  readonly type?: readonly string[] | undefined;
}

export const exportArchiveSchema = z.strictObject({
  name: boundedString(255).endsWith('.zip').optional(),
  type: z.array(fileTypeSchema).max(MAX_TYPES).optional(),
});

/** Input of the activity `exportRunFiles`. */
export interface ExportRunFilesInput extends ArchiveOptions, Pick<RuntimeInput, 'account'> {
  /** Id of the run: 1 to 500 bytes of UTF-8, on one line. */
  readonly runId: string;
  /** Requests with the same key create one archive. Any text of 1 to 2,100 bytes of UTF-8. */
  readonly idempotencyKey: string;
}

export const exportRunFilesInputSchema = externalInput(
  exportArchiveSchema.extend({
    account: runtimeInputSchema.shape.account,
    runId: idSchema,
    idempotencyKey: collectionKeySchema,
  }),
);
