export { type BctrlActivities, createActivities } from './activities/create-activities.js';
export type { ActivitiesOptions } from './activities/dependencies.js';
export { BctrlClient } from './bctrl/bctrl-client.js';
export { BctrlError, type BctrlErrorOptions } from './bctrl/bctrl-error.js';
export type { BctrlClientHooks, BctrlOperation } from './bctrl/client-hooks.js';
export type { BctrlClientOptions, ListFilesParams, RequestOptions } from './bctrl/client-options.js';
export { ClientMetrics } from './client-metrics.js';
export { BctrlPlugin, type BctrlPluginOptions } from './plugin.js';
export type * from './shared/api-schema.js';
export type { CollectedFile, CollectRuntimeFileInput, CollectRuntimeFilesInput } from './shared/collect.js';
export type { CollectOutcome } from './shared/collect-outcome.js';
export type { FailureDetails } from './shared/failure-details.js';
export type {
  TerminalInvocation,
  WaitForInvocationInput,
  WaitForInvocationResult,
} from './shared/invocation.js';
export { COLLECTION_KEY_FIELD, DEFAULT_TASK_QUEUE, PIPELINE_FAILED } from './shared/names.js';
export type * from './shared/pipeline-input.js';
export type * from './shared/pipeline-messages.js';
export type * from './shared/pipeline-report.js';
export { type ReasonClass, reasonClasses } from './shared/reason-class.js';
export {
  type RetryRule,
  type RetryTable,
  type RetryTableOverrides,
  retryTable,
} from './shared/retry-table.js';
