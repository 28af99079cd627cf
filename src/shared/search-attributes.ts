import { defineSearchAttributeKey } from '@temporalio/common';

/**
 * Custom search attributes of a pipeline, by which the Temporal UI and visibility queries find it. A server knows only
 * those that are registered with it: a pipeline sets those that it was started with.
 */
export const searchAttributes = {
  runtimeId: defineSearchAttributeKey('BctrlRuntimeId', 'KEYWORD'),
  runId: defineSearchAttributeKey('BctrlRunId', 'KEYWORD'),
  /** A `PipelinePhase`. */
  phase: defineSearchAttributeKey('BctrlPhase', 'KEYWORD'),
  filesCollected: defineSearchAttributeKey('BctrlFilesCollected', 'INT'),
  filesFailed: defineSearchAttributeKey('BctrlFilesFailed', 'INT'),
};
