export type { CollectedFile, CollectRuntimeFileInput } from './shared/collect.js';
export type { FailureDetails } from './shared/failure-details.js';
export type { EndedInvocation, WaitForInvocationInput } from './shared/invocation.js';
export { PIPELINE_FAILED } from './shared/names.js';
export type * from './shared/pipeline.js';
export {
  type CollectOptions,
  collectOptions,
  proxyBctrlActivities,
  waitOptions,
} from './workflows/bctrl-activities.js';
export { collectFile } from './workflows/collect-file.js';
export { collectionKey } from './workflows/collection-key.js';
export { postRunPipeline, progressQuery } from './workflows/post-run-pipeline.js';
