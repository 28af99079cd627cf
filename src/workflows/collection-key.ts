import { workflowInfo } from '@temporalio/workflow';
import { toCollectionKeyPrefix } from '../shared/keys.js';

/** Fields of the input of `collectRuntimeFile` and `collectRuntimeFiles`. */
export interface CollectionKeyInput {
  /** Prefix of the files' collection keys. */
  readonly collectionKey: string;
  /** An earlier run of the workflow may have collected the files. */
  readonly checkExistingFirst: boolean;
  /** Set when another run of the workflow may still be collecting. */
  readonly concurrentRun?: true;
}

/**
 * The prefix of the collection keys of this workflow's files. Spread it into the input of `collectRuntimeFile` or
 * `collectRuntimeFiles`; the activity adds source and destination of each file. The prefix stays the same in every attempt,
 * after a worker's crash, a reset, a continue-as-new and a retry of the workflow, so that none of them makes a file again.
 *
 * @param suffix keeps apart two collects of the same source and destination, which otherwise are one file
 * @param rerunOf prefix of a closed workflow whose files these are
 */
export function collectionKey(suffix?: string, rerunOf?: string): CollectionKeyInput {
  return {
    collectionKey: [rerunOf ?? collectionKeyPrefix(), ...(suffix === undefined ? [] : [suffix])].join('/'),
    checkExistingFirst: rerunOf !== undefined || mayRepeatEarlierRun(false),
    ...(isResetOrRetry() && { concurrentRun: true }),
  };
}

/** The prefix of all collection keys of this workflow. */
export function collectionKeyPrefix(): string {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  return toCollectionKeyPrefix(workflowId, firstExecutionRunId);
}

/**
 * Whether this run may repeat what an earlier run did: it is a reset or a retry of one, or continues one. Use it only for the
 * input of activities and never to choose a command: a reset replays the commands of the run that it resets.
 *
 * @param continuesWithState whether the previous run handed over its state
 */
export function mayRepeatEarlierRun(continuesWithState: boolean): boolean {
  const { runId, firstExecutionRunId } = workflowInfo();
  return continuesWithState ? isResetOrRetry() : runId !== firstExecutionRunId;
}

/** Whether this run resets or retries an earlier run, whose activities may still be running. */
function isResetOrRetry(): boolean {
  const { runId, originalExecutionRunId, attempt } = workflowInfo();
  return runId !== originalExecutionRunId || attempt > 1;
}
