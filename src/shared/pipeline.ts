import { z } from 'zod';
import { fileOptionsSchema } from './collect.js';
import { durationSchema } from './duration.js';
import type { EndedInvocation } from './invocation.js';
import type { ReasonClass } from './reason-class.js';

/** One activity per file costs about 3.3 events; 1,000 files stay far below the 51,200 that end a history. */
const MAXIMUM_FILES = 1_000;
/** Every job waited for holds an activity open. */
const MAXIMUM_INVOCATIONS = 100;

export const pipelineInputSchema = z.strictObject({
  runtimeId: z.string().min(1),
  /** The jobs that write the files. Without it, collecting starts at once. */
  waitFor: z
    .strictObject({
      invocationIds: z.array(z.string().min(1)).min(1).max(MAXIMUM_INVOCATIONS),
      /** For all of them together. Default: 24 hours. */
      timeout: durationSchema.optional(),
    })
    .optional(),
  files: z.array(fileOptionsSchema).min(1).max(MAXIMUM_FILES),
  /** How long one file is tried, whatever its failures. Default: 6 hours. */
  giveUpAfter: durationSchema.optional(),
});
/** What a `postRunPipeline` is started with. */
export type PipelineInput = z.input<typeof pipelineInputSchema>;
export type PipelineFile = PipelineInput['files'][number];

export type PipelinePhase = 'waiting' | 'collecting' | 'done';

/** What became of one file. */
export type FileOutcome = CollectedOutcome | FailedOutcome;

export interface CollectedOutcome {
  /** `kept`: a foreign file was there already, and `ifExists: 'keep'` asked to leave it. */
  readonly outcome: 'collected' | 'kept';
  readonly runtimePath: string;
  readonly fileId: string;
  /** Where the file lies in durable storage. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly duplicateIds?: readonly string[];
}

export interface FailedOutcome {
  readonly outcome: 'failed';
  readonly runtimePath: string;
  readonly reasonClass: ReasonClass;
  /** One sentence. */
  readonly message: string;
  readonly code?: string;
  readonly requestId?: string;
  readonly hint?: string;
}

export interface PipelineCounts {
  readonly files: number;
  readonly collected: number;
  readonly kept: number;
  readonly failed: number;
}

/** Answer of the `progress` query, at any time of the pipeline's life and after it. */
export interface PipelineProgress {
  readonly phase: PipelinePhase;
  readonly counts: PipelineCounts;
  /** Sum of the sizes of what was collected. */
  readonly bytes: number;
}

/** Result of a pipeline; `details[0]` of the failure `PipelineFailed` too. */
export interface PipelineReport {
  readonly runtimeId: string;
  readonly jobs: readonly EndedInvocation[];
  readonly counts: PipelineCounts;
  readonly bytes: number;
  /** In the order of the input. */
  readonly files: readonly FileOutcome[];
}

export const collectFileInputSchema = fileOptionsSchema.extend({
  runtimeId: z.string().min(1),
  giveUpAfter: durationSchema.optional(),
});
/** What a `collectFile` workflow is started with. */
export type CollectFileInput = z.input<typeof collectFileInputSchema>;
