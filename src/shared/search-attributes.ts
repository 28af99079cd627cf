import { defineSearchAttributeKey } from '@temporalio/common';
import { POST_RUN_PIPELINE } from './names.js';
import type { PipelinePhase } from './pipeline-report.js';

/**
 * Custom search attributes of a pipeline. They have to be registered with the server; a pipeline updates those that it was
 * started with.
 */
export const searchAttributes = {
  runtimeId: defineSearchAttributeKey('BctrlRuntimeId', 'KEYWORD'),
  runId: defineSearchAttributeKey('BctrlRunId', 'KEYWORD'),
  /** A `PipelinePhase`. */
  phase: defineSearchAttributeKey('BctrlPhase', 'KEYWORD'),
  filesCollected: defineSearchAttributeKey('BctrlFilesCollected', 'INT'),
  filesFailed: defineSearchAttributeKey('BctrlFilesFailed', 'INT'),
};

/** Which pipelines to list. All conditions have to hold; none is all pipelines. */
export interface PipelineFilter {
  readonly phase?: PipelinePhase | undefined;
  readonly runtimeId?: string | undefined;
  /** The pipeline failed or timed out, or has failed files now. */
  readonly failed?: boolean | undefined;
  /** The pipeline has not closed. */
  readonly running?: boolean | undefined;
  /** The pipeline closed as failed or timed out, at this time or later. */
  readonly failedSince?: Date | undefined;
}

const FAILED = "ExecutionStatus IN ('Failed', 'TimedOut')";

/** The visibility query of Temporal for a filter. */
export function visibilityQuery({ phase, runtimeId, failed, running, failedSince }: PipelineFilter): string {
  return [
    `WorkflowType = ${quote(POST_RUN_PIPELINE)}`,
    ...(phase === undefined ? [] : [`${searchAttributes.phase.name} = ${quote(phase)}`]),
    ...(runtimeId === undefined ? [] : [`${searchAttributes.runtimeId.name} = ${quote(runtimeId)}`]),
    ...(failed ? [`(${FAILED} OR ${searchAttributes.filesFailed.name} > 0)`] : []),
    ...(failedSince === undefined ? [] : [FAILED, `CloseTime >= '${failedSince.toISOString()}'`]),
    ...(running ? [`ExecutionStatus = 'Running'`] : []),
  ].join(' AND ');
}

/** The visibility query for all runs of a workflow id. */
export function workflowIdQuery(workflowId: string): string {
  return `WorkflowId = ${quote(workflowId)}`;
}

/** A backslash escapes in Temporal's query language too. */
function quote(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
