import { POST_RUN_PIPELINE } from './names.js';
import type { PipelinePhase } from './pipeline-report.js';
import { searchAttributes } from './search-attributes.js';

/** Which pipelines; without any of these, all. */
export interface PipelineFilter {
  readonly phase?: PipelinePhase | undefined;
  readonly runtimeId?: string | undefined;
  /** Those that ended as failed, or have failed files now. */
  readonly failed?: boolean | undefined;
  /** Those that have not ended. */
  readonly running?: boolean | undefined;
}

/** The filter as a visibility query of Temporal. */
export function visibilityQuery({ phase, runtimeId, failed, running }: PipelineFilter): string {
  return [
    `WorkflowType = ${quote(POST_RUN_PIPELINE)}`,
    ...(phase === undefined ? [] : [`${searchAttributes.phase.name} = ${quote(phase)}`]),
    ...(runtimeId === undefined ? [] : [`${searchAttributes.runtimeId.name} = ${quote(runtimeId)}`]),
    ...(failed ? [`(ExecutionStatus = 'Failed' OR ${searchAttributes.filesFailed.name} > 0)`] : []),
    ...(running ? [`ExecutionStatus = 'Running'`] : []),
  ].join(' AND ');
}

/** In Temporal's query language a backslash escapes too. */
function quote(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
