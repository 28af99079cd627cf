export { getPipelineHandle, type PipelineHandle } from './client/pipeline-handle.js';
export { type StartedPipeline, type StartPipelineOptions, startPipeline } from './client/start-pipeline.js';
export { pipelineWorkflowId } from './client/workflow-id.js';
export type { JobError, TerminalStatus } from './shared/api-types.js';
export type { ArchiveOptions } from './shared/archive.js';
export type { FileOptions } from './shared/collect.js';
export type { StoredFileRef } from './shared/collect-outcome.js';
export type { Duration } from './shared/duration.js';
export type { ApiProblem } from './shared/failure-details.js';
export { DEFAULT_TASK_QUEUE, PIPELINE_FAILED } from './shared/names.js';
export type {
  NextWorkflow,
  PipelineFile,
  PipelineInput,
  PipelineOptions,
  PipelineWithoutWait,
  PipelineWithWait,
  WaitFor,
  WaitForInvocations,
  WaitForSignal,
} from './shared/pipeline-input.js';
export type {
  AbandonResult,
  AddFilesInput,
  AddFilesResult,
  FinishedInvocation,
  FinishedJob,
  JobFinishedInput,
  ResumeInput,
  ResumeResult,
} from './shared/pipeline-messages.js';
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
} from './shared/pipeline-report.js';
export { type BctrlFailure, readFailure, readReport } from './shared/read-failure.js';
export type { ReasonClass } from './shared/reason-class.js';
export type { RuntimeInput } from './shared/runtime-input.js';
