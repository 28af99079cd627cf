import type { StoredFileRef } from './collect-outcome.js';
import type { ApiProblem } from './failure-details.js';
import type { TerminalInvocation } from './invocation.js';

/** Why something failed: what a person needs to act on it, or to ask for help. */
export interface Problem extends Partial<Omit<ApiProblem, 'message'>> {
  /** One sentence. */
  readonly message: string;
}

/** What became of one file. */
export type FileOutcome = CollectedOutcome | MissingOutcome | SkippedOutcome | FailedOutcome;

export interface CollectedOutcome extends StoredFileRef {
  readonly runtimePath: string;
}

/** The file is not in the runtime, and its `ifMissing` says that this is no failure. */
export interface MissingOutcome extends Problem {
  readonly outcome: 'missing';
  readonly runtimePath: string;
  readonly ifMissing: 'warn' | 'ignore';
}

/** The file was not tried, or its collect was cancelled. */
export interface SkippedOutcome {
  readonly outcome: 'skipped';
  readonly runtimePath: string;
  readonly reason: string;
}

export interface FailedOutcome extends ApiProblem {
  readonly outcome: 'failed';
  readonly runtimePath: string;
}

/** A job that the pipeline waited for. A job with a `problem` keeps the pipeline from succeeding. */
export interface JobOutcome extends Partial<Omit<TerminalInvocation, 'status'>> {
  /** Id of the invocation, or `jobFinished` if the signal named none. */
  readonly id: string;
  /** `still_running`: the wait timed out. `unknown`: the API finally refused to say. */
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

export interface ExportedArchive {
  readonly outcome: 'exported';
  readonly fileId: string;
  /** Path in durable storage, if the API names it. */
  readonly path?: string;
  /** If the API names it. */
  readonly sizeBytes?: number;
}

export type ExportArchiveOutcome = ExportedArchive | FailedStep | SkippedStep;

export type StopRuntimeOutcome = { readonly outcome: 'stopped' } | FailedStep | SkippedStep;

export type NextOutcome = { readonly outcome: 'started'; readonly workflowId: string } | SkippedStep;

/** Each file counts in `files`, and in one of the other fields as soon as it has an outcome. */
export interface PipelineCounts {
  readonly files: number;
  readonly collected: number;
  readonly kept: number;
  readonly missing: number;
  readonly skipped: number;
  readonly failed: number;
}

/**
 * How a pipeline ended. `succeeded`: every file is stored, or may be missing. `skipped`: a job failed, and
 * `whenJobFails: 'skip'` left the files in the runtime.
 */
export type PipelineOutcome = 'succeeded' | 'skipped' | 'failed' | 'abandoned' | 'cancelled';

/** Result of a pipeline, and `details[0]` of its failure `PipelineFailed`. */
export interface PipelineReport {
  readonly runtimeId: string;
  /** Known if an archive was asked for. */
  readonly runId?: string;
  /** Absent while the pipeline runs. */
  readonly outcome?: PipelineOutcome;
  readonly jobs: readonly JobOutcome[];
  /** Of all files, whether `files` lists them or not. */
  readonly counts: PipelineCounts;
  /** Total size of the collected files. */
  readonly bytes: number;
  /**
   * Files with an outcome: those of the input first, then those of the jobs' outputs and of `addFiles`. At most 1,000 are listed,
   * at most 100 of them failed, and fewer if their paths are very long.
   */
  readonly files: readonly FileOutcome[];
  /** Files that the API made beyond the first of the same collection key. Absent if there are none. */
  readonly duplicates?: number;
  /** One sentence each. Nobody has to act on them, but somebody may want to know. */
  readonly warnings: readonly string[];
  readonly exportArchive?: ExportArchiveOutcome;
  readonly stopRuntime?: StopRuntimeOutcome;
  readonly next?: NextOutcome;
}

export type PipelinePhase = 'waiting' | 'collecting' | 'held' | 'finishing' | 'done';

/** Result of the query `progress`: the report so far. It can be queried until the closed workflow is deleted. */
export interface PipelineProgress extends PipelineReport {
  readonly phase: PipelinePhase;
  /** Set while the signal `jobFinished` would be accepted. */
  readonly waitingForSignal?: true;
}
