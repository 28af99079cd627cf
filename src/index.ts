export type { OneAccount, SeveralAccounts } from './activities/by-account.js';
export { type BctrlActivities, createActivities } from './activities/create-activities.js';
export type { ActivitiesOptions, CommonActivitiesOptions } from './activities/dependencies.js';
export { BctrlClient } from './bctrl/bctrl-client.js';
export { BctrlError, type BctrlErrorOptions } from './bctrl/bctrl-error.js';
export type { BctrlClientHooks, BctrlOperation } from './bctrl/client-hooks.js';
export type {
  ApiKey,
  BctrlClientOptions,
  ExportRunFilesOptions,
  ListFilesParams,
  RequestOptions,
} from './bctrl/client-options.js';
export { ClientMetrics } from './client-metrics.js';
export { createEncryption, type Encryption, type EncryptionOptions } from './create-encryption.js';
export type { EncryptionKey } from './encryption/key-ring.js';
export { BctrlPlugin, type BctrlPluginOptions, type WorkflowsOption } from './plugin.js';
export type {
  CollectRequest,
  ExportRequest,
  File,
  FilePage,
  Invocation,
  Runtime,
  RuntimeStop,
  Whoami,
} from './shared/api-types.js';
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
export { COLLECTION_KEY_FIELD, DEFAULT_TASK_QUEUE, PIPELINE_FAILED } from './shared/names.js';
export type { CollectFileInput } from './shared/pipeline-input.js';
export type * from './shared/pipeline-types.js';
export { type BctrlFailure, readFailure, readReport } from './shared/read-failure.js';
export { type ReasonClass, reasonClasses } from './shared/reason-class.js';
export {
  type RetryRule,
  type RetryTable,
  type RetryTableOverrides,
  retryTable,
} from './shared/retry-table.js';
