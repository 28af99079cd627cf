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

export const MAX_FILES = 10_000;
/** The list of the files, as JSON: a run hands it to the next one in a payload, which has at most 2 MB. */
export const MAX_LIST_BYTES = 1_100_000;
/** Temporal refuses a longer name, and with it the workflow task that uses it. */
const temporalNameSchema = boundedString(1_000);
/** So many activities of one workflow may be pending; Temporal advises against more. */
const MAX_CONCURRENCY = 500;
/** Every job waited for holds an activity open. */
const MAX_INVOCATIONS = 100;
const MAX_TYPES = 100;

export const pipelineFileSchema = fileOptionsSchema.extend({
  /** A file that is not there: `fail` (default) fails the pipeline, `warn` is told in the report, `ignore` is only counted. */
  ifMissing: z.enum(['fail', 'warn', 'ignore']).optional(),
});
export type PipelineFile = z.infer<typeof pipelineFileSchema>;

/** Files as any part of an input, a message or a job's output lists them. */
export const fileListSchema = z
  .array(pipelineFileSchema)
  .max(MAX_FILES)
  .refine(
    (files) => isAtMostBytes(JSON.stringify(files), MAX_LIST_BYTES),
    `more than ${MAX_LIST_BYTES} bytes`,
  );

/** RFC 6901: `''` is the whole document. */
export const jsonPointerSchema = boundedString(1_000, 0).regex(
  /^(\/([^~/]|~[01])*)*$/,
  'expected a JSON pointer such as "/files"',
);

const waitForSchema = z
  .strictObject({
    /** Runtime jobs; all of them have to end. */
    invocationIds: z.array(idSchema).min(1).max(MAX_INVOCATIONS).optional(),
    /** Wait for the signal `jobFinished` instead. */
    signal: z.literal(true).optional(),
    /** For all of them together. Default: 24 hours. */
    timeout: durationSchema.optional(),
  })
  .refine(
    ({ invocationIds, signal }) => (invocationIds === undefined) !== (signal === undefined),
    'expected either invocationIds or signal: true',
  );

export const exportArchiveSchema = z.strictObject({
  /** Default: the API's. */
  name: boundedString(255).endsWith('.zip').optional(),
  /** Only files of these types. */
  type: z.array(fileTypeSchema).max(MAX_TYPES).optional(),
});

const pipelineFieldsSchema = z
  .strictObject({
    runtimeId: idSchema,
    /** What happens before the files are collected. Without it, collecting starts at once. */
    waitFor: waitForSchema.optional(),
    /** What happens to the files when a job ends otherwise than `succeeded`. Default: they are collected. */
    whenJobFails: z.enum(['collect', 'skip']).optional(),
    /** May be left out of a pipeline that waits: its files may come from `filesFromOutput` and `addFiles`. */
    files: fileListSchema.default([]),
    /** Where in the output of each job further files are named: a path, an array of paths, or of file objects. */
    filesFromOutput: jsonPointerSchema.optional(),
    /**
     * More than 20 files are collected in batches, an activity each. Files of one batch. Default: 100, or a twentieth of the
     * files where that is more.
     */
    batchSize: z.int().min(1).max(MAX_BATCH_SIZE).optional(),
    /** Batches that are collected at the same time. Default: 4. */
    concurrency: z.int().min(1).max(MAX_CONCURRENCY).default(4),
    /** How long one file is tried, whatever its failures; the calls of the finish too. Default: 6 hours. */
    giveUpAfter: durationSchema.optional(),
    /** `fail` (default): the workflow fails. `hold`: it waits for an operator's `resume` or `abandon`. */
    onFailure: z.enum(['fail', 'hold']).optional(),
    /** Make a zip of the run's files, once they are collected. */
    exportArchive: exportArchiveSchema.optional(),
    /** Stop the runtime at the end: in any case, or only if nothing that was asked for would be lost. Default: `never`. */
    stopRuntime: z.enum(['always', 'on-success', 'never']).optional(),
    /** A workflow that is started with the report when all went well. */
    next: z
      .strictObject({
        workflowType: temporalNameSchema,
        /** Default: that of the pipeline. */
        taskQueue: temporalNameSchema
          .refine(
            (name) => !name.startsWith('/_sys/'),
            'must not begin with /_sys/, which Temporal keeps to itself',
          )
          .optional(),
      })
      .optional(),
    /**
     * Beginning of the collection keys of an ended pipeline whose files this one goes on with: they keep their keys, and are
     * looked for before they are collected. As the query `rerunInput` gives it.
     */
    rerunOf: collectionKeyPrefixSchema.optional(),
  })
  .refine(({ files, waitFor }) => files.length > 0 || waitFor !== undefined, {
    path: ['files'],
    message: 'expected at least one file, or waitFor',
  })
  .refine(({ filesFromOutput, waitFor }) => filesFromOutput === undefined || waitFor !== undefined, {
    path: ['filesFromOutput'],
    message: 'needs waitFor, as it is the output of a job',
  });
export const pipelineInputSchema = externalInput(pipelineFieldsSchema);
/** What a `postRunPipeline` is started with. */
export type PipelineInput = z.input<typeof pipelineInputSchema>;
/** The same, validated and with its defaults. */
export type ParsedPipelineInput = z.output<typeof pipelineInputSchema>;

export const collectFileInputSchema = externalInput(
  fileOptionsSchema.extend({ runtimeId: idSchema, giveUpAfter: durationSchema.optional() }),
);
/** What a `collectFile` workflow is started with. */
export type CollectFileInput = z.input<typeof collectFileInputSchema>;
