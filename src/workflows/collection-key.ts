import { workflowInfo } from '@temporalio/workflow';

/**
 * The key of one file of this workflow, to be spread into the input of `collectRuntimeFile`. It is the same in every
 * attempt, after a worker's crash, a reset, a continue-as-new and a retry of the workflow, so none of them creates
 * the file again.
 *
 * @param place the file's own place in the workflow; two collects of the same place are one file. Left out for
 *   `collectRuntimeFiles`, where each file has its source and destination as its place.
 */
export function collectionKey(place?: string): { collectionKey: string; lookFirst: boolean } {
  const { workflowId, runId, firstExecutionRunId } = workflowInfo();
  return {
    collectionKey: [workflowId, firstExecutionRunId, ...(place === undefined ? [] : [place])].join('/'),
    // A run that continues an earlier one may repeat what that one has done.
    lookFirst: runId !== firstExecutionRunId,
  };
}

/**
 * Whether this run may repeat what another one did after the state that it has been handed by continue-as-new: it is a
 * reset or a retry of the run that was handed it first.
 */
export function repeatsHandedOnRun(): boolean {
  const { runId, originalExecutionRunId, attempt } = workflowInfo();
  return runId !== originalExecutionRunId || attempt > 1;
}
