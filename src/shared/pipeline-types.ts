/* The types of a pipeline: what every public entry has, as its input, messages and report mention them. */
export type { JobError, TerminalStatus } from './api-types.js';
export type { ArchiveOptions } from './archive.js';
export type { FileOptions } from './collect.js';
export type { StoredFileRef } from './collect-outcome.js';
export type { Duration } from './duration.js';
export type { ApiProblem } from './failure-details.js';
export type {
  NextWorkflow,
  OnCloseWorkflow,
  PipelineFile,
  PipelineInput,
  PipelineOptions,
  PipelineWithoutWait,
  PipelineWithWait,
  WaitFor,
  WaitForInvocations,
  WaitForSignal,
} from './pipeline-input.js';
export type {
  AbandonResult,
  AddFilesInput,
  AddFilesResult,
  FinishedInvocation,
  FinishedJob,
  JobFinishedInput,
  ResumeInput,
  ResumeResult,
} from './pipeline-messages.js';
export type {
  CollectedOutcome,
  ExportArchiveOutcome,
  ExportedArchive,
  FailedOutcome,
  FailedStep,
  FileOutcome,
  JobOutcome,
  MissingOutcome,
  NextOutcome,
  PipelineCounts,
  PipelineNotice,
  PipelineOutcome,
  PipelinePhase,
  PipelineProgress,
  PipelineReport,
  Problem,
  SkippedOutcome,
  SkippedStep,
  StartedWorkflow,
  StoppedRuntime,
  StopRuntimeOutcome,
} from './pipeline-report.js';
export type { ReasonClass } from './reason-class.js';
export type { RuntimeInput } from './runtime-input.js';
