import type { ApiProblem, StoredFileRef } from './collect-outcome.js';
import type { TerminalInvocation } from './invocation.js';

/** Why something failed, for a person who has to act on it or to ask for help. */
export interface Problem extends Partial<Omit<ApiProblem, 'message'>> {
  /** One sentence. */
  readonly message: string;
}

/** What became of one file. */
export type FileOutcome = CollectedOutcome | MissingOutcome | SkippedOutcome | FailedOutcome;

export interface CollectedOutcome extends StoredFileRef {
  readonly runtimePath: string;
}

/** The file was not there, and `ifMissing` asked not to fail for it. */
export interface MissingOutcome extends Problem {
  readonly outcome: 'missing';
  readonly runtimePath: string;
  readonly ifMissing: 'warn' | 'ignore';
}

/** The file was not tried, or its collecting was cancelled. */
export interface SkippedOutcome {
  readonly outcome: 'skipped';
  readonly runtimePath: string;
  readonly reason: string;
}

export interface FailedOutcome extends ApiProblem {
  readonly outcome: 'failed';
  readonly runtimePath: string;
}

/**
 * A job that the pipeline waited for. `still_running`: the wait timed out; `unknown`: the API finally refused to tell.
 * A job with a problem keeps the pipeline from succeeding.
 */
export interface JobOutcome extends Partial<Omit<TerminalInvocation, 'status'>> {
  /** The invocation's, or `jobFinished` where the signal named none. */
  readonly id: string;
  readonly status: TerminalInvocation['status'] | 'still_running' | 'unknown';
  readonly problem?: Problem;
}

export interface FailedStep extends Problem {
  readonly outcome: 'failed';
}

export interface SkippedStep {
  readonly outcome: 'skipped';
  readonly reason: string;
}

export type ExportArchiveOutcome =
  | {
      readonly outcome: 'exported';
      readonly fileId: string;
      /** If the API says it. */
      readonly path?: string;
      readonly sizeBytes?: number;
    }
  | FailedStep
  | SkippedStep;

export type StopRuntimeOutcome = { readonly outcome: 'stopped' } | FailedStep | SkippedStep;

export type NextOutcome = { readonly outcome: 'started'; readonly workflowId: string } | SkippedStep;

/** Every file is counted once: the five kinds add up to `files`, and to less while the pipeline runs. */
export interface PipelineCounts {
  readonly files: number;
  readonly collected: number;
  readonly kept: number;
  readonly missing: number;
  readonly skipped: number;
  readonly failed: number;
}

/**
 * How a pipeline ended. `succeeded`: every file is there, or may be missing. `skipped`: a job failed, and
 * `whenJobFails: 'skip'` asked to leave the files.
 */
export type PipelineOutcome = 'succeeded' | 'skipped' | 'failed' | 'abandoned' | 'cancelled';

/** Result of a pipeline; `details[0]` of the failure `PipelineFailed` too. */
export interface PipelineReport {
  readonly runtimeId: string;
  /** Known where an archive was asked for. */
  readonly runId?: string;
  /** Absent while the pipeline runs. */
  readonly outcome?: PipelineOutcome;
  readonly jobs: readonly JobOutcome[];
  readonly counts: PipelineCounts;
  /** Sum of the sizes of what was collected. */
  readonly bytes: number;
  /**
   * The settled ones, in the order of the input, of the jobs' outputs and of `addFiles`: at most 1,000, of which at most
   * 100 have failed, and fewer where their paths are very long. The counts are of all.
   */
  readonly files: readonly FileOutcome[];
  /** Files beyond the first of the same collection key that the API made; absent where there are none. */
  readonly duplicates?: number;
  /** What nobody has to act on, but somebody may want to know. One sentence each. */
  readonly warnings: readonly string[];
  readonly exportArchive?: ExportArchiveOutcome;
  readonly stopRuntime?: StopRuntimeOutcome;
  /** The workflow that `next` asked for. */
  readonly next?: NextOutcome;
}

export type PipelinePhase = 'waiting' | 'collecting' | 'held' | 'finishing' | 'done';

/** Answer of the `progress` query, at any time of the pipeline's life and after it: its report so far. */
export interface PipelineProgress extends PipelineReport {
  readonly phase: PipelinePhase;
  /** Set while the signal `jobFinished` would be heeded. */
  readonly waitingForSignal?: true;
}
