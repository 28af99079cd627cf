export type { BctrlActivities } from './activities/create-activities.js';
export type { ExportRunFilesInput } from './shared/archive.js';
export type {
  CollectedFile,
  CollectRuntimeFileInput,
  CollectRuntimeFilesInput,
  VerifyCollectedFilesInput,
} from './shared/collect.js';
export type {
  CollectOutcome,
  FailedCollect,
  StoredOutcome,
  VerifiedFiles,
} from './shared/collect-outcome.js';
export type { FailureDetails } from './shared/failure-details.js';
export type {
  TerminalInvocation,
  WaitForInvocationInput,
  WaitForInvocationResult,
} from './shared/invocation.js';
export { PIPELINE_FAILED } from './shared/names.js';
export type { CollectFileInput } from './shared/pipeline-input.js';
export type * from './shared/pipeline-types.js';
export { type BctrlFailure, readFailure, readReport } from './shared/read-failure.js';
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
