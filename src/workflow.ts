export type { BctrlActivities } from './activities/create-activities.js';
export type { JobError, TerminalStatus } from './shared/api-types.js';
export type { ArchiveOptions, ExportRunFilesInput } from './shared/archive.js';
export type {
  CollectedFile,
  CollectRuntimeFileInput,
  CollectRuntimeFilesInput,
  FileOptions,
  VerifyCollectedFilesInput,
} from './shared/collect.js';
export type {
  CollectOutcome,
  FailedCollect,
  StoredFileRef,
  StoredOutcome,
  VerifiedFiles,
} from './shared/collect-outcome.js';
export type { Duration } from './shared/duration.js';
export type { ApiProblem, FailureDetails } from './shared/failure-details.js';
export type {
  TerminalInvocation,
  WaitForInvocationInput,
  WaitForInvocationResult,
} from './shared/invocation.js';
export { PIPELINE_FAILED } from './shared/names.js';
export type {
  CollectFileInput,
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
export {
  activityOptions,
  type BctrlActivityOptions,
  batchActivityOptions,
  proxyBctrlActivities,
  waitActivityOptions,
} from './workflows/activity-options.js';
export { collectFile } from './workflows/collect-file.js';
export { type CollectionKeyInput, collectionKey } from './workflows/collection-key.js';
export {
  abandonUpdate,
  addFilesUpdate,
  jobFinishedSignal,
  progressQuery,
  rerunInputQuery,
  resumeUpdate,
} from './workflows/message-handlers.js';
export { postRunPipeline } from './workflows/post-run-pipeline.js';
