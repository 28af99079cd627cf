import * as z from 'zod';
import { terminalStatuses } from './api-schema.js';
import type { TerminalStatus } from './api-types.js';
import { idSchema, pathSchema } from './bounded-string.js';
import { fileOptionsSchema } from './collect.js';
import { externalInput } from './external-input.js';
import { fileListSchema, MAX_FILES, type PipelineFile } from './pipeline-input.js';

/** The signal names a job, which the pipeline asks the API for, and waits for if it has not ended. */
export interface FinishedInvocation {
  /** Id of the job: 1 to 500 bytes of UTF-8, on one line. */
  readonly invocationId: string;
  /** The API says how the job ended. */
  readonly status?: undefined;
}

/** The signal says how the job ended, which is believed: the API is not asked. */
export interface FinishedJob {
  /** How the job ended. Default: `succeeded`. */
  readonly status?: TerminalStatus | undefined;
  /** The job is no invocation of the API. */
  readonly invocationId?: undefined;
}

/** Argument of the signal `jobFinished`. It may be left out: the job succeeded. */
export type JobFinishedInput = FinishedInvocation | FinishedJob;

export const jobFinishedFieldsSchema = z
  .strictObject({
    invocationId: idSchema.optional(),
    status: z.enum(terminalStatuses).optional(),
  })
  .refine(
    ({ invocationId, status }) => invocationId === undefined || status === undefined,
    'expected either invocationId or status',
  );
/** The refinement makes the type's two cases the only ones. */
export const jobFinishedInputSchema = externalInput(jobFinishedFieldsSchema) as z.ZodType<JobFinishedInput>;

/** Argument of the update `addFiles`. */
export interface AddFilesInput {
  /** At least one file. A pipeline has at most 10,000 files, and 1 MB of them as JSON; more are refused with `conflict`. */
  readonly files: readonly PipelineFile[];
}

export const addFilesInputSchema = externalInput(z.strictObject({ files: fileListSchema.min(1) }));

/** Result of the update `addFiles`. */
export interface AddFilesResult {
  /** Number of files that are new to the pipeline. */
  readonly added: number;
  /** Number of files whose source and destination the pipeline already had. Their options stay as they were. */
  readonly known: number;
}

/** Argument of the update `resume`. It may be left out. */
export interface ResumeInput {
  /**
   * Retry only the failed files with these source paths, 1 to 10,000. Default: retry all of them, and wait again for unresolved
   * jobs. Refused with `conflict` if one of them is not among the failed files.
   */
  readonly runtimePaths?: readonly string[] | undefined;
  /**
   * From now on the `ifExists` of the files that are retried: what to do if another file has the destination path. Default: each
   * file keeps its own.
   */
  readonly ifExists?: 'fail' | 'keep' | undefined;
}

export const resumeInputSchema = externalInput(
  z.strictObject({
    runtimePaths: z.array(pathSchema).min(1).max(MAX_FILES).optional(),
    ifExists: fileOptionsSchema.shape.ifExists,
  }),
);

/** Result of the update `resume`. */
export interface ResumeResult {
  /** Number of files that are retried. */
  readonly files: number;
  /** Number of jobs that are waited for again. */
  readonly jobs: number;
}

/** Result of the update `abandon`. */
export interface AbandonResult {
  /** Number of files that stay uncollected. */
  readonly files: number;
}
