import { workflowInfo } from '@temporalio/workflow';
import { collectionKeyPrefixSchema } from '../shared/bounded-string.js';
import { digest } from '../shared/digest.js';

/** Fields of the input of `collectRuntimeFile` and `collectRuntimeFiles`. */
export interface CollectionKeyInput {
  readonly collectionKey: string;
  readonly lookFirst: boolean;
  readonly concurrentRun?: true;
}

/**
 * The beginning of the keys of files of this workflow, to be spread into the input of `collectRuntimeFile` or
 * `collectRuntimeFiles`; the activity adds source and destination of each file. It is the same in every attempt, after a
 * worker's crash, a reset, a continue-as-new and a retry of the workflow, so none of them creates a file again.
 *
 * @param place tells two collects of the same source and destination apart; without it they are one file
 * @param rerunOf beginning of the keys of an ended workflow, whose files these are
 */
export function collectionKey(place?: string, rerunOf?: string): CollectionKeyInput {
  return {
    collectionKey: [rerunOf ?? ownKeys(), ...(place === undefined ? [] : [place])].join('/'),
    lookFirst: rerunOf !== undefined || isRepeated(false),
    ...(isResetOrRetry() && { concurrentRun: true }),
  };
}

/** What all collection keys of this workflow begin with. Hundreds of activities carry it in one message of 4 MB. */
export function ownKeys(): string {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  const keys = `${workflowId}/${firstExecutionRunId}`;
  return collectionKeyPrefixSchema.safeParse(keys).success
    ? keys
    : `${digest(workflowId)}/${firstExecutionRunId}`;
}

/**
 * Whether this run may repeat what another one has done: it is a reset or a retry of one, or it continues one. Only the input
 * of an activity may depend on it, no command: a reset replays the commands of the run that it resets.
 *
 * @param isHandedOn the one that it continues has handed it all that it knew
 */
export function isRepeated(isHandedOn: boolean): boolean {
  const { runId, firstExecutionRunId } = workflowInfo();
  return isHandedOn ? isResetOrRetry() : runId !== firstExecutionRunId;
}

/** The run whose work this one does again may still have activities under way. */
function isResetOrRetry(): boolean {
  const { runId, originalExecutionRunId, attempt } = workflowInfo();
  return runId !== originalExecutionRunId || attempt > 1;
}
