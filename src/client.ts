export { getPipelineHandle, type PipelineHandle } from './client/pipeline-handle.js';
export { type StartedPipeline, type StartPipelineOptions, startPipeline } from './client/start-pipeline.js';
export { pipelineWorkflowId } from './client/workflow-id.js';
export { DEFAULT_TASK_QUEUE, PIPELINE_FAILED } from './shared/names.js';
export type { PipelineFile, PipelineInput } from './shared/pipeline-input.js';
export type {
  AbandonResult,
  AddFilesInput,
  AddFilesResult,
  JobFinishedInput,
  ResumeInput,
  ResumeResult,
} from './shared/pipeline-messages.js';
export type {
  FileOutcome,
  JobOutcome,
  PipelineCounts,
  PipelineOutcome,
  PipelinePhase,
  PipelineProgress,
  PipelineReport,
} from './shared/pipeline-report.js';
