import { z } from 'zod';
import { terminalStatuses } from './api-schema.js';
import { idSchema, pathSchema } from './bounded-string.js';
import { externalInput } from './external-input.js';
import { fileListSchema, MAX_FILES } from './pipeline-input.js';

/** What the signal `jobFinished` may say of the job. */
const jobFinishedFieldsSchema = z
  .strictObject({
    /** The API is asked how this one ended, and waited for if it has not. */
    invocationId: idSchema.optional(),
    /** How a job ended that is no invocation. Default: `succeeded`. */
    status: z.enum(terminalStatuses).optional(),
  })
  .refine(
    ({ invocationId, status }) => invocationId === undefined || status === undefined,
    'expected either invocationId or status',
  );
export const jobFinishedInputSchema = externalInput(jobFinishedFieldsSchema);
export type JobFinishedInput = z.infer<typeof jobFinishedInputSchema>;

export const addFilesInputSchema = externalInput(z.strictObject({ files: fileListSchema.min(1) }));
/** What the update `addFiles` is sent with. */
export type AddFilesInput = z.infer<typeof addFilesInputSchema>;

export interface AddFilesResult {
  /** Files that the pipeline did not know. */
  readonly added: number;
  /** Files of the same source and destination as one that it had; their options are not changed. */
  readonly known: number;
}

export const resumeInputSchema = externalInput(
  z.strictObject({
    /** Only these of the failed files. Default: all of them. */
    runtimePaths: z.array(pathSchema).min(1).max(MAX_FILES).optional(),
  }),
);
/** What the update `resume` may be sent with. */
export type ResumeInput = z.infer<typeof resumeInputSchema>;

export interface ResumeResult {
  /** Files that are tried again. */
  readonly files: number;
  /** Jobs that are waited for again. */
  readonly jobs: number;
}

export interface AbandonResult {
  /** Files that stay uncollected. */
  readonly files: number;
}
