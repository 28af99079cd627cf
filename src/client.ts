export { getPipelineHandle, type PipelineHandle } from './client/pipeline-handle.js';
export { type StartedPipeline, type StartPipelineOptions, startPipeline } from './client/start-pipeline.js';
export { pipelineWorkflowId } from './client/workflow-id.js';
export { createEncryption, type Encryption, type EncryptionOptions } from './create-encryption.js';
export type { EncryptionKey } from './encryption/key-ring.js';
export { DEFAULT_TASK_QUEUE, PIPELINE_FAILED } from './shared/names.js';
export type * from './shared/pipeline-types.js';
export { type BctrlFailure, readFailure, readReport } from './shared/read-failure.js';
