export type { OneAccount, SeveralAccounts } from './activities/by-account.js';
export { type BctrlActivities, createActivities } from './activities/create-activities.js';
export type { ActivitiesOptions, CommonActivitiesOptions } from './activities/dependencies.js';
export { BctrlClient } from './bctrl/bctrl-client.js';
export { BctrlError, type BctrlErrorOptions } from './bctrl/bctrl-error.js';
export type { BctrlClientHooks, BctrlOperation } from './bctrl/client-hooks.js';
export type {
  BctrlClientOptions,
  ExportRunFilesOptions,
  ListFilesParams,
  RequestOptions,
} from './bctrl/client-options.js';
export { ClientMetrics } from './client-metrics.js';
export { BctrlPlugin, type BctrlPluginOptions, type WorkflowsOption } from './plugin.js';
export type {
  CollectRequest,
  ExportRequest,
  File,
  FilePage,
  Invocation,
  JobError,
  Runtime,
  RuntimeStop,
  TerminalStatus,
  Whoami,
} from './shared/api-types.js';
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
export { COLLECTION_KEY_FIELD, DEFAULT_TASK_QUEUE, PIPELINE_FAILED } from './shared/names.js';
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
export { type ReasonClass, reasonClasses } from './shared/reason-class.js';
export {
  type RetryRule,
  type RetryTable,
  type RetryTableOverrides,
  retryTable,
} from './shared/retry-table.js';
export type { RuntimeInput } from './shared/runtime-input.js';
