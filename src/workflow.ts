export type { CollectedFile, CollectRuntimeFileInput, CollectRuntimeFilesInput } from './shared/collect.js';
export type { CollectOutcome } from './shared/collect-outcome.js';
export type { FailureDetails } from './shared/failure-details.js';
export type {
  TerminalInvocation,
  WaitForInvocationInput,
  WaitForInvocationResult,
} from './shared/invocation.js';
export { PIPELINE_FAILED } from './shared/names.js';
export type * from './shared/pipeline-input.js';
export type * from './shared/pipeline-messages.js';
export type * from './shared/pipeline-report.js';
export {
  activityOptions,
  type BctrlActivityOptions,
  batchActivityOptions,
  proxyBctrlActivities,
  waitActivityOptions,
} from './workflows/activity-options.js';
export { collectFile } from './workflows/collect-file.js';
export { collectionKey } from './workflows/collection-key.js';
export {
  abandonUpdate,
  addFilesUpdate,
  jobFinishedSignal,
  progressQuery,
  rerunInputQuery,
  resumeUpdate,
} from './workflows/message-handlers.js';
export { postRunPipeline } from './workflows/post-run-pipeline.js';
