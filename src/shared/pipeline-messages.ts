import { z } from 'zod';
import { idSchema, pathSchema } from './bounded-string.js';
import { externalInput } from './external-input.js';
import { fileListSchema, MAXIMUM_FILES } from './pipeline-input.js';
import { endedStatuses } from './wire.js';

/** What the signal `jobFinished` may say of the job. */
const jobFinishedFieldsSchema = z
  .strictObject({
    /** The API is asked how this one ended, and waited for if it has not. */
    invocationId: idSchema.optional(),
    /** How a job ended that is no invocation. Default: `succeeded`. */
    status: z.enum(endedStatuses).optional(),
  })
  .refine(
    ({ invocationId, status }) => invocationId === undefined || status === undefined,
    'expected either invocationId or status',
  );
export const jobFinishedSchema = externalInput(jobFinishedFieldsSchema);
export type JobFinished = z.infer<typeof jobFinishedSchema>;

export const addFilesSchema = externalInput(z.strictObject({ files: fileListSchema.min(1) }));
/** What the update `addFiles` is sent with. */
export type AddFiles = z.infer<typeof addFilesSchema>;

export interface FilesAdded {
  /** Files that the pipeline did not know. */
  readonly added: number;
  /** Files of the same source and destination as one that it had; their options are not changed. */
  readonly known: number;
}

export const resumeSchema = externalInput(
  z.strictObject({
    /** Only these of the failed files. Default: all of them. */
    runtimePaths: z.array(pathSchema).min(1).max(MAXIMUM_FILES).optional(),
  }),
);
/** What the update `resume` may be sent with. */
export type Resume = z.infer<typeof resumeSchema>;

export interface Resumed {
  /** Files that are tried again. */
  readonly files: number;
  /** Jobs that are waited for again. */
  readonly jobs: number;
}

export interface Abandoned {
  /** Files that stay uncollected. */
  readonly files: number;
}
