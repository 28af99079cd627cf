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

/** The file is in durable storage. */
export interface CollectedOutcome extends StoredFileRef {
  /** Path of the file in the runtime's workspace. */
  readonly runtimePath: string;
}

/** The file is not in the runtime, and its `ifMissing` says that this is no failure. */
export interface MissingOutcome extends Problem {
  /** Tells the kinds of outcomes apart. */
  readonly outcome: 'missing';
  /** Path of the file in the runtime's workspace. */
  readonly runtimePath: string;
  /** `warn`: the report has a warning too. `ignore`: the report only counts the file, and does not list it. */
  readonly ifMissing: 'warn' | 'ignore';
}

/** The file was not tried, or its collect was cancelled. */
export interface SkippedOutcome {
  /** Tells the kinds of outcomes apart. */
  readonly outcome: 'skipped';
  /** Path of the file in the runtime's workspace. */
  readonly runtimePath: string;
  /** Why it has no other outcome. Part of a sentence, and whether the file may have been copied. */
  readonly reason: string;
}

/** The file finally failed. */
export interface FailedOutcome extends ApiProblem {
  /** Tells the kinds of outcomes apart. */
  readonly outcome: 'failed';
  /** Path of the file in the runtime's workspace. */
  readonly runtimePath: string;
}

/** A job that the pipeline waited for. A job with a `problem` keeps the pipeline from succeeding. */
export interface JobOutcome extends Partial<Omit<TerminalInvocation, 'status'>> {
  /** Id of the invocation, or `jobFinished` if the signal named none. */
  readonly id: string;
  /** `still_running`: the wait timed out. `unknown`: the API finally refused to say. */
  readonly status: TerminalInvocation['status'] | 'still_running' | 'unknown';
  /** Why it is unknown how the job ended, or what files it names. Absent if all is known. */
  readonly problem?: Problem;
}

/** A step of the finish that finally failed. */
export interface FailedStep extends Problem {
  /** Tells the kinds of outcomes apart. */
  readonly outcome: 'failed';
}

/** A step of the finish that was asked for and not done. */
export interface SkippedStep {
  /** Tells the kinds of outcomes apart. */
  readonly outcome: 'skipped';
  /** Why it was not done. Part of a sentence. */
  readonly reason: string;
}

/** The zip of the run's files is in durable storage. */
export interface ExportedArchive {
  /** Tells the kinds of outcomes apart. */
  readonly outcome: 'exported';
  /** Id of the zip file. */
  readonly fileId: string;
  /** Path in durable storage, if the API names it. */
  readonly path?: string;
  /** Size in bytes, if the API names it. */
  readonly sizeBytes?: number;
}

/** What became of the archive. */
export type ExportArchiveOutcome = ExportedArchive | FailedStep | SkippedStep;

/** The runtime has stopped, or had stopped before. */
export interface StoppedRuntime {
  /** Tells the kinds of outcomes apart. */
  readonly outcome: 'stopped';
}

/** What became of the runtime. */
export type StopRuntimeOutcome = StoppedRuntime | FailedStep | SkippedStep;

/** The workflow has started. It may still run. */
export interface StartedWorkflow {
  /** Tells the kinds of outcomes apart. */
  readonly outcome: 'started';
  /** Its workflow id. */
  readonly workflowId: string;
}

/** What became of the next workflow. */
export type NextOutcome = StartedWorkflow | SkippedStep;

/** Each file counts in `files`, and in one of the other fields as soon as it has an outcome. */
export interface PipelineCounts {
  /** All files: those of the input, of the jobs' outputs and of `addFiles`. */
  readonly files: number;
  /** Files that are in durable storage. */
  readonly collected: number;
  /** Files whose destination had a file already, which `ifExists: 'keep'` left there. */
  readonly kept: number;
  /** Files that are not in the runtime, and whose `ifMissing` allows that. */
  readonly missing: number;
  /** Files that were not tried, or whose collect was cancelled. */
  readonly skipped: number;
  /** Files that finally failed. */
  readonly failed: number;
}

/**
 * How a pipeline ended. `succeeded`: every file is stored, or may be missing. `skipped`: a job failed, and
 * `whenJobFails: 'skip'` left the files in the runtime.
 */
export type PipelineOutcome = 'succeeded' | 'skipped' | 'failed' | 'abandoned' | 'cancelled';

/** Result of a pipeline, and `details[0]` of its failure `PipelineFailed`. */
export interface PipelineReport {
  /** Id of the runtime whose files were collected. */
  readonly runtimeId: string;
  /** Id of the runtime's run. Known if an archive was asked for. */
  readonly runId?: string;
  /** Absent while the pipeline runs. */
  readonly outcome?: PipelineOutcome;
  /** The jobs that the pipeline waited for, in the order of the input. */
  readonly jobs: readonly JobOutcome[];
  /** Numbers of all files, whether `files` lists them or not. */
  readonly counts: PipelineCounts;
  /** Total size of the collected files, in bytes. */
  readonly bytes: number;
  /**
   * Files with an outcome: those of the input first, then those of the jobs' outputs and of `addFiles`. At most 1,000 are listed,
   * at most 100 of them failed, and fewer if their paths are very long.
   */
  readonly files: readonly FileOutcome[];
  /** Number of files that the API made beyond the first of the same collection key. Absent if there are none. */
  readonly duplicates?: number;
  /** One sentence each. Nobody has to act on them, but somebody may want to know. */
  readonly warnings: readonly string[];
  /** What became of the archive. Absent if none was asked for, and before the step. */
  readonly exportArchive?: ExportArchiveOutcome;
  /** Whether the runtime was stopped. Absent if nobody asked for it, and before the step. */
  readonly stopRuntime?: StopRuntimeOutcome;
  /** Whether the next workflow was started. Absent if none was asked for, and before the step. */
  readonly next?: NextOutcome;
  /** The last workflow that `onClose` started. Absent before, and if a warning says that it could not be started. */
  readonly onClose?: StartedWorkflow;
}

/** What a pipeline does now. `held`: it waits for `resume` or `abandon`. `finishing`: archive, runtime and next workflow. */
export type PipelinePhase = 'waiting' | 'collecting' | 'held' | 'finishing' | 'done';

/** Result of the query `progress`: the report so far. It can be queried until the closed workflow is deleted. */
export interface PipelineProgress extends PipelineReport {
  /** What the pipeline does now; `done` once it has closed. */
  readonly phase: PipelinePhase;
  /** Set while the signal `jobFinished` would be accepted. */
  readonly waitingForSignal?: true;
}

/** Argument of the workflow that `onClose` starts: the report, and what a person needs to act on it. */
export interface PipelineNotice extends PipelineProgress {
  /** Workflow id of the pipeline. */
  readonly workflowId: string;
  /** Run id of the pipeline's workflow. The `runId` of the report is that of the runtime. */
  readonly workflowRunId: string;
  /** `held`: the pipeline waits for `resume` or `abandon`. `done`: it closes, and `outcome` says how. */
  readonly phase: 'held' | 'done';
  /** What is wrong, in one sentence. Absent if nothing is. */
  readonly problem?: string;
}
