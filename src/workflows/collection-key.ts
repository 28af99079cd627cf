import { workflowInfo } from '@temporalio/workflow';

/**
 * The key of one file of this workflow, to be spread into the input of `collectRuntimeFile`. It is the same in every
 * attempt, after a worker's crash, a reset, a continue-as-new and a retry of the workflow, so none of them creates
 * the file again.
 *
 * @param place the file's own place in the workflow; two collects of the same place are one file. Left out for
 *   `collectRuntimeFiles`, where each file has its source and destination as its place.
 * @param rerunOf beginning of the keys of an ended workflow, whose files these are
 */
export function collectionKey(
  place?: string,
  rerunOf?: string,
): { collectionKey: string; lookFirst: boolean } {
  return {
    collectionKey: [rerunOf ?? ownKeys(), ...(place === undefined ? [] : [place])].join('/'),
    lookFirst: rerunOf !== undefined || isRepeated(false),
  };
}

/** What all collection keys of this workflow begin with. */
export function ownKeys(): string {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  return `${workflowId}/${firstExecutionRunId}`;
}

/**
 * Whether this run may repeat what another one has done: it is a reset or a retry of one, or it continues one. Only the input
 * of an activity may depend on it, no command: a reset replays the commands of the run that it resets.
 *
 * @param isHandedOn the one that it continues has handed it all that it knew
 */
export function isRepeated(isHandedOn: boolean): boolean {
  const { runId, originalExecutionRunId, firstExecutionRunId, attempt } = workflowInfo();
  return isHandedOn ? runId !== originalExecutionRunId || attempt > 1 : runId !== firstExecutionRunId;
}
