import type { WorkflowExecutionInfo } from '@temporalio/client';

/** The status of a workflow as all commands spell it: `running`, `completed`, `timed-out`. */
export function statusOf({ status }: Pick<WorkflowExecutionInfo, 'status'>): string {
  return status.name.toLowerCase().replaceAll('_', '-');
}
