import { workflowInfo } from '@temporalio/workflow';
import { collectionKeyPrefixSchema } from '../shared/bounded-string.js';
import { shortSha256 } from '../shared/short-sha256.js';

/** Fields of the input of `collectRuntimeFile` and `collectRuntimeFiles`. */
export interface CollectionKeyInput {
  readonly collectionKey: string;
  readonly checkExistingFirst: boolean;
  readonly concurrentRun?: true;
}

/**
 * The beginning of the keys of files of this workflow, to be spread into the input of `collectRuntimeFile` or
 * `collectRuntimeFiles`; the activity adds source and destination of each file. It is the same in every attempt, after a
 * worker's crash, a reset, a continue-as-new and a retry of the workflow, so none of them creates a file again.
 *
 * @param suffix tells two collects of the same source and destination apart; without it they are one file
 * @param rerunOf beginning of the keys of an ended workflow, whose files these are
 */
export function collectionKey(suffix?: string, rerunOf?: string): CollectionKeyInput {
  return {
    collectionKey: [rerunOf ?? collectionKeyPrefix(), ...(suffix === undefined ? [] : [suffix])].join('/'),
    checkExistingFirst: rerunOf !== undefined || mayRepeatEarlierRun(false),
    ...(isResetOrRetry() && { concurrentRun: true }),
  };
}

/** What all collection keys of this workflow begin with. Hundreds of activities carry it in one message of 4 MB. */
export function collectionKeyPrefix(): string {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  const keys = `${workflowId}/${firstExecutionRunId}`;
  return collectionKeyPrefixSchema.safeParse(keys).success
    ? keys
    : `${shortSha256(workflowId)}/${firstExecutionRunId}`;
}

/**
 * Whether this run may repeat what another one has done: it is a reset or a retry of one, or it continues one. Only the input
 * of an activity may depend on it, no command: a reset replays the commands of the run that it resets.
 *
 * @param isContinued the one that it continues has handed it all that it knew
 */
export function mayRepeatEarlierRun(isContinued: boolean): boolean {
  const { runId, firstExecutionRunId } = workflowInfo();
  return isContinued ? isResetOrRetry() : runId !== firstExecutionRunId;
}

/** The run whose work this one does again may still have activities under way. */
function isResetOrRetry(): boolean {
  const { runId, originalExecutionRunId, attempt } = workflowInfo();
  return runId !== originalExecutionRunId || attempt > 1;
}
