import { z } from 'zod';
import {
  boundedString,
  collectionKeyPrefixSchema,
  fileTypeSchema,
  idSchema,
  isAtMostBytes,
} from './bounded-string.js';
import { fileOptionsSchema, MAX_BATCH_SIZE } from './collect.js';
import { durationSchema } from './duration.js';
import { externalInput } from './external-input.js';

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

/** More than any run has types of files. */
const MAX_TYPES = 100;

export const pipelineFileSchema = fileOptionsSchema.extend({
  /**
   * What a missing file means. `fail` (default): the file has failed. `warn`: the report lists it and has a warning. `ignore`:
   * the report only counts it.
   */
  ifMissing: z.enum(['fail', 'warn', 'ignore']).optional(),
});
export type PipelineFile = z.infer<typeof pipelineFileSchema>;

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

const waitForSchema = z
  .strictObject({
    /** Ids of up to 100 runtime jobs. The pipeline waits until all of them have ended. */
    invocationIds: z.array(idSchema).min(1).max(MAX_INVOCATIONS).optional(),
    /** `true`: wait for the signal `jobFinished` instead of for jobs with known ids. */
    signal: z.literal(true).optional(),
    /** Longest wait, for all jobs together. Default: `'24h'`. */
    timeout: durationSchema.optional(),
  })
  .refine(
    ({ invocationIds, signal }) => (invocationIds === undefined) !== (signal === undefined),
    'expected either invocationIds or signal: true',
  );

export const exportArchiveSchema = z.strictObject({
  /** Name of the zip file, which must end with `.zip`. Default: chosen by the API. */
  name: boundedString(255).endsWith('.zip').optional(),
  /** Export only files of these types. Default: files of all types. */
  type: z.array(fileTypeSchema).max(MAX_TYPES).optional(),
});

const nextSchema = z.strictObject({
  workflowType: temporalNameSchema,
  /** Default: the task queue of the pipeline. */
  taskQueue: temporalNameSchema
    .refine((name) => !name.startsWith('/_sys/'), 'must not begin with /_sys/, which Temporal reserves')
    .optional(),
});

const pipelineFieldsSchema = z.strictObject({
  /** The runtime whose files are collected. */
  runtimeId: idSchema,
  /** What to wait for before files are collected. Default: nothing. */
  waitFor: waitForSchema.optional(),
  /**
   * What to do with the files if a job does not end as `succeeded`. `collect` (default): collect them. `skip`: leave them in the
   * runtime.
   */
  whenJobFails: z.enum(['collect', 'skip']).optional(),
  /** Up to 10,000 files. At least one, unless `waitFor` is set; more can come from `filesFromOutput` and `addFiles`. */
  files: fileListSchema.default([]),
  /**
   * Where the output of each job names further files: a JSON pointer to a path, or to an array of paths or of objects as in
   * `files`. Needs `waitFor`.
   */
  filesFromOutput: jsonPointerSchema.optional(),
  /**
   * Files per batch, 1 to 1,000, once there are more than 20 files. Default: 100, or a twentieth of the files if that is more.
   */
  batchSize: z.int().min(1).max(MAX_BATCH_SIZE).optional(),
  /** Batches that are collected at the same time, 1 to 500. Default: 4. */
  concurrency: z.int().min(1).max(MAX_CONCURRENCY).default(4),
  /** How long a file, or a call of the finish, is retried before it fails. Default: `'6h'`. */
  giveUpAfter: durationSchema.optional(),
  /**
   * What to do when files or jobs have failed. `fail` (default): finish, and fail the workflow. `hold`: wait for an operator to
   * send `resume` or `abandon`.
   */
  onFailure: z.enum(['fail', 'hold']).optional(),
  /** Make a zip of the run's files after they are collected. Default: none. */
  exportArchive: exportArchiveSchema.optional(),
  /** Stop the runtime at the end. `on-success`: only if the pipeline succeeds, so that nothing is lost. Default: `never`. */
  stopRuntime: z.enum(['always', 'on-success', 'never']).optional(),
  /** A workflow to start with the report as its argument if the pipeline succeeds. Default: none. */
  next: nextSchema.optional(),
  /**
   * Prefix of the collection keys of a closed pipeline, whose files this one continues to collect. Files that the other one made
   * are found, not duplicated. The query `rerunInput` returns it.
   */
  rerunOf: collectionKeyPrefixSchema.optional(),
});

/** Input of a later run of a pipeline, whose files are in its state. */
export const continuedInputSchema = externalInput(pipelineFieldsSchema);

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
);
/** Input of `postRunPipeline`. */
export type PipelineInput = z.input<typeof pipelineInputSchema>;
/** Input of `postRunPipeline`, validated and with its defaults. */
export type ParsedPipelineInput = z.output<typeof pipelineInputSchema>;

export const collectFileInputSchema = externalInput(
  fileOptionsSchema.extend({
    runtimeId: idSchema,
    /** How long the file is retried before the workflow fails. Default: `'6h'`. */
    giveUpAfter: durationSchema.optional(),
  }),
);
/** Input of `collectFile`. */
export type CollectFileInput = z.input<typeof collectFileInputSchema>;
