import * as z from 'zod';
import { type ArchiveOptions, exportArchiveSchema } from './archive.js';
import { boundedString, collectionKeyPrefixSchema, idSchema, isAtMostBytes } from './bounded-string.js';
import { type FileOptions, fileOptionsSchema, MAX_BATCH_SIZE } from './collect.js';
import { type Duration, durationSchema } from './duration.js';
import { externalInput } from './external-input.js';
import { type RuntimeInput, runtimeInputSchema } from './runtime-input.js';

/** The state of so many files fits into one run's history and into the payload for the next run. */
export const MAX_FILES = 10_000;

/** Size of the file list as JSON: half of the 2 MB of the payload in which a run hands it to the next one, with all outcomes. */
export const MAX_LIST_BYTES = 1_000_000;

/** Temporal refuses a longer name, and with it the workflow task that uses the name. */
const temporalNameSchema = boundedString(1_000);

/** A quarter of the pending activities that Temporal allows a workflow. */
const MAX_CONCURRENCY = 500;

/** Each job that is waited for has a pending activity. */
const MAX_INVOCATIONS = 100;

/** A file of a pipeline. */
export interface PipelineFile extends FileOptions {
  /**
   * What a missing file means. `fail` (default): the file has failed. `warn`: the report lists it and has a warning. `ignore`:
   * the report only counts it.
   */
  readonly ifMissing?: 'fail' | 'warn' | 'ignore' | undefined;
}

export const pipelineFileSchema = fileOptionsSchema.extend({
  ifMissing: z.enum(['fail', 'warn', 'ignore']).optional(),
});

/** Files of an input, of a message or of a job's output. */
export const fileListSchema = z
  .array(pipelineFileSchema)
  .max(MAX_FILES)
  .refine(
    (files) => isAtMostBytes(JSON.stringify(files), MAX_LIST_BYTES),
    `more than ${MAX_LIST_BYTES} bytes`,
  );

/** RFC 6901; `''` is the whole document. */
export const jsonPointerSchema = boundedString(1_000, 0).regex(
  /^(\/([^~/]|~[01])*)*$/,
  'expected a JSON pointer such as "/files"',
);

/** Wait until all of these jobs have ended. */
export interface WaitForInvocations {
  /** Ids of 1 to 100 runtime jobs, each 1 to 500 bytes of UTF-8. */
  readonly invocationIds: readonly string[];
  /** The ids are known, so there is no signal to wait for. */
  readonly signal?: undefined;
  /** Longest wait, for all jobs together. A job that has not ended by then is a failure. Default: `'24h'`. */
  readonly timeout?: Duration | undefined;
}

/** Wait until something else says that the job has ended. */
export interface WaitForSignal {
  /** `true`: wait for the signal `jobFinished`, which may name a job to ask the API for. */
  readonly signal: true;
  /** The signal names the job, so there are no ids to wait for. */
  readonly invocationIds?: undefined;
  /** Longest wait, for the signal and the job that it names. No end by then is a failure. Default: `'24h'`. */
  readonly timeout?: Duration | undefined;
}

/** What a pipeline waits for before it collects files. */
export type WaitFor = WaitForInvocations | WaitForSignal;

const waitForSchema = z
  .strictObject({
    invocationIds: z.array(idSchema).min(1).max(MAX_INVOCATIONS).optional(),
    signal: z.literal(true).optional(),
    timeout: durationSchema.optional(),
  })
  .refine(
    ({ invocationIds, signal }) => (invocationIds === undefined) !== (signal === undefined),
    'expected either invocationIds or signal: true',
  );

/** A workflow to start with the report of a pipeline as its argument. */
export interface NextWorkflow {
  /** Name of the workflow function: 1 to 1,000 bytes of UTF-8. */
  readonly workflowType: string;
  /** Task queue of its worker: 1 to 1,000 bytes of UTF-8, not beginning with `/_sys/`. Default: that of the pipeline. */
  readonly taskQueue?: string | undefined;
}

const nextSchema = z.strictObject({
  workflowType: temporalNameSchema,
  taskQueue: temporalNameSchema
    .refine((name) => !name.startsWith('/_sys/'), 'must not begin with /_sys/, which Temporal reserves')
    .optional(),
});

/** A workflow to start with a {@link PipelineNotice} as its argument, so that a failure or a hold reaches a person. */
export interface OnCloseWorkflow extends NextWorkflow {
  /**
   * `failed`: the pipeline closes without success, which is as failed, abandoned or cancelled. `held`: that, and each time it
   * becomes held. `always`: all that, and a close as succeeded or skipped.
   */
  readonly when: 'failed' | 'held' | 'always';
}

const onCloseSchema = nextSchema.extend({ when: z.enum(['failed', 'held', 'always']) });

/** What a pipeline does beside where its files come from. */
export interface PipelineOptions extends RuntimeInput {
  /**
   * What to do with the files if a job does not end as `succeeded`. `collect` (default): collect them. `skip`: leave them in the
   * runtime.
   */
  readonly whenJobFails?: 'collect' | 'skip' | undefined;
  /**
   * Files per batch, 1 to 1,000, once there are more than 20 files. Default: 100, or a twentieth of the files if that is more.
   */
  readonly batchSize?: number | undefined;
  /** Batches that are collected at the same time, 1 to 500. Default: 4. */
  readonly concurrency?: number | undefined;
  /** How long a file, or a call of the finish, is retried before it fails. Default: `'6h'`. */
  readonly giveUpAfter?: Duration | undefined;
  /**
   * What to do when files or jobs have failed. `fail` (default): finish, and fail the workflow. `hold`: wait for an operator to
   * send `resume` or `abandon`.
   */
  readonly onFailure?: 'fail' | 'hold' | undefined;
  /** Make a zip of the run's files after they are collected. Default: none. */
  readonly exportArchive?: ArchiveOptions | undefined;
  /** Stop the runtime at the end. `on-success`: only if the pipeline succeeds, so that nothing is lost. Default: `never`. */
  readonly stopRuntime?: 'always' | 'on-success' | 'never' | undefined;
  /** A workflow to start with the report as its argument if the pipeline succeeds. Default: none. */
  readonly next?: NextWorkflow | undefined;
  /** A workflow to start when the pipeline closes or is held. It never changes how the pipeline ends. Default: none. */
  readonly onClose?: OnCloseWorkflow | undefined;
  /**
   * Prefix of the collection keys of a closed pipeline, whose files this one continues to collect: at most 2,000 bytes of JSON.
   * Files that the other one made are found, not duplicated. The query `rerunInput` returns it. Default: none.
   */
  readonly rerunOf?: string | undefined;
}

/** A pipeline that collects at once. */
export interface PipelineWithoutWait extends PipelineOptions {
  /** 1 to 10,000 files, of at most 1 MB as JSON. More can come from `addFiles`. */
  readonly files: readonly PipelineFile[];
  /** Nothing to wait for. */
  readonly waitFor?: undefined;
  /** Needs `waitFor`: it points into the output of a job. */
  readonly filesFromOutput?: undefined;
}

/** A pipeline that first waits for jobs. */
export interface PipelineWithWait extends PipelineOptions {
  /** What to wait for before files are collected. */
  readonly waitFor: WaitFor;
  /** Up to 10,000 files, of at most 1 MB as JSON. More can come from `filesFromOutput` and `addFiles`. Default: none. */
  readonly files?: readonly PipelineFile[] | undefined;
  /**
   * Where the output of each job names further files: a JSON pointer (RFC 6901) such as `/files`, at most 1,000 bytes, to a path,
   * or to an array of paths or of objects as in `files`; `''` is the whole output. Default: outputs are not read.
   */
  readonly filesFromOutput?: string | undefined;
}

/** Input of `postRunPipeline`. It needs files, or something to wait for. A wrong input fails the workflow with `invalid_input`. */
export type PipelineInput = PipelineWithoutWait | PipelineWithWait;

/** Input of `postRunPipeline`, validated and with its defaults. */
export type ParsedPipelineInput = PipelineInput & {
  readonly files: readonly PipelineFile[];
  readonly concurrency: number;
};

export const pipelineFieldsSchema = runtimeInputSchema.extend({
  waitFor: waitForSchema.optional(),
  whenJobFails: z.enum(['collect', 'skip']).optional(),
  files: fileListSchema.default([]),
  filesFromOutput: jsonPointerSchema.optional(),
  batchSize: z.int().min(1).max(MAX_BATCH_SIZE).optional(),
  concurrency: z.int().min(1).max(MAX_CONCURRENCY).default(4),
  giveUpAfter: durationSchema.optional(),
  onFailure: z.enum(['fail', 'hold']).optional(),
  exportArchive: exportArchiveSchema.optional(),
  stopRuntime: z.enum(['always', 'on-success', 'never']).optional(),
  next: nextSchema.optional(),
  onClose: onCloseSchema.optional(),
  rerunOf: collectionKeyPrefixSchema.optional(),
});

/** What the schemas refuse beside wrong fields makes the two kinds of a pipeline the only ones. */
type PipelineInputSchema = z.ZodType<ParsedPipelineInput, PipelineInput>;

/** Input of a later run of a pipeline, whose files are in its state. */
export const continuedInputSchema = externalInput(pipelineFieldsSchema) as PipelineInputSchema;

export const pipelineInputSchema = externalInput(
  pipelineFieldsSchema
    .refine(({ files, waitFor }) => files.length > 0 || waitFor !== undefined, {
      path: ['files'],
      message: 'expected at least one file, or waitFor',
    })
    .refine(({ filesFromOutput, waitFor }) => filesFromOutput === undefined || waitFor !== undefined, {
      path: ['filesFromOutput'],
      message: 'needs waitFor: it points into the output of a job',
    }),
) as PipelineInputSchema;

/** Input of `collectFile`. A wrong input fails the workflow with `invalid_input`. */
export interface CollectFileInput extends FileOptions, RuntimeInput {
  /** How long the file is retried before the workflow fails. Default: `'6h'`. */
  readonly giveUpAfter?: Duration | undefined;
}

export const collectFileInputSchema = externalInput(
  fileOptionsSchema.extend(runtimeInputSchema.shape).extend({ giveUpAfter: durationSchema.optional() }),
);
