import { z } from 'zod';
import { terminalStatuses } from './api-schema.js';
import { idSchema, pathSchema } from './bounded-string.js';
import { externalInput } from './external-input.js';
import { fileListSchema, MAX_FILES } from './pipeline-input.js';

const jobFinishedFieldsSchema = z
  .strictObject({
    /** The job. The pipeline asks the API how it ended, and waits for it if it has not. */
    invocationId: idSchema.optional(),
    /** How the job ended, if it is no invocation of the API. Default: `succeeded`. */
    status: z.enum(terminalStatuses).optional(),
  })
  .refine(
    ({ invocationId, status }) => invocationId === undefined || status === undefined,
    'expected either invocationId or status',
  );
export const jobFinishedInputSchema = externalInput(jobFinishedFieldsSchema);
/** Argument of the signal `jobFinished`. It may be left out. */
export type JobFinishedInput = z.infer<typeof jobFinishedInputSchema>;

export const addFilesInputSchema = externalInput(z.strictObject({ files: fileListSchema.min(1) }));
/** Argument of the update `addFiles`. */
export type AddFilesInput = z.infer<typeof addFilesInputSchema>;

export interface AddFilesResult {
  /** Files that are new to the pipeline. */
  readonly added: number;
  /** Files whose source and destination the pipeline already had. Their options stay as they were. */
  readonly known: number;
}

export const resumeInputSchema = externalInput(
  z.strictObject({
    /** Retry only these of the failed files. Default: retry all of them, and wait again for unresolved jobs. */
    runtimePaths: z.array(pathSchema).min(1).max(MAX_FILES).optional(),
  }),
);
/** Argument of the update `resume`. It may be left out. */
export type ResumeInput = z.infer<typeof resumeInputSchema>;

export interface ResumeResult {
  /** Files that are retried. */
  readonly files: number;
  /** Jobs that are waited for again. */
  readonly jobs: number;
}

export interface AbandonResult {
  /** Files that stay uncollected. */
  readonly files: number;
}
