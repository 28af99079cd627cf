import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import type { BctrlClient } from '../bctrl/bctrl-client.js';
import type { CollectRuntimeFilesInput } from '../shared/collect.js';
import { type CollectCheckpoint, collectCheckpointSchema } from '../shared/heartbeat-details.js';
import { Attempt, parseCheckpoint } from './attempt.js';
import { CollectPass } from './collect-pass.js';
import {
  type CollectState,
  type FileState,
  isPending,
  isUncertain,
  type RetriedFailure,
  restoreFileState,
  type ToOutcome,
  toFileCheckpoint,
} from './collect-state.js';
import { defaultCollectionKey, toCollectionKey } from './collection-keys.js';
import type { ActivityDependencies } from './dependencies.js';
import { recordCollectTelemetry } from './record-collect-telemetry.js';

/** The next attempt can do without the account, so a failing attempt waits no longer to learn it. */
const ACCOUNT_TIMEOUT_MS = 2_000;

export interface CollectActivityInput extends Omit<CollectRuntimeFilesInput, 'account'> {
  /** Turns a collected file of a batch into its outcome, which the checkpoint keeps. `undefined` for a single file. */
  readonly toOutcome?: ToOutcome;
}

/**
 * Runs one attempt at the files of an activity, starting from the checkpoint of the attempts before.
 *
 * @param toResult returns the activity's result, or throws its failure while files are pending
 * @throws CancelledFailure with the checkpoint, and so with the known outcomes, in `details[0]`
 */
export async function runCollectActivity<T>(
  dependencies: ActivityDependencies,
  input: CollectActivityInput,
  toResult: (files: readonly FileState[], failure: RetriedFailure | undefined) => T,
): Promise<T> {
  const { client, temporal } = dependencies;
  const attempt = new Attempt(temporal);
  const state = restoreState(dependencies, input, attempt);
  const getCheckpoint = () => toCheckpoint(state, input.toOutcome, client.knownAccount);
  const pending = state.files.filter(isPending);
  const run = async () => {
    let nextDelayMs: number | undefined;
    try {
      const failure = await new CollectPass(dependencies, attempt, state).run();
      if (state.files.some(isUncertain)) state.account ??= await learnAccount(client, attempt.signal);
      return toResult(state.files, failure);
    } catch (error) {
      nextDelayMs = getNextRetryDelayMs(error);
      throw error instanceof CancelledFailure
        ? new CancelledFailure(error.message, [getCheckpoint()])
        : error;
    } finally {
      recordCollectTelemetry(pending, nextDelayMs);
    }
  };
  return await attempt.runWithHeartbeat(run, getCheckpoint);
}

function restoreState(
  { client, watermark, listSettling }: ActivityDependencies,
  input: CollectActivityInput,
  { info, checkpoint, previousAttemptLost }: Attempt,
): CollectState {
  const { runtimeId, collectionKey = defaultCollectionKey(info) } = input;
  const { checkExistingFirst = false, concurrentRun = false } = input;
  const previous = parseCheckpoint(collectCheckpointSchema, checkpoint);
  // An unreadable checkpoint, written by another version of this program, says as little as a lost attempt.
  const isLost = previousAttemptLost || (previous === undefined && checkpoint !== undefined);
  const lookupFromMs = previous?.lookupFromMs ?? (isLost ? 0 : watermark.lookupFromMs);
  const uncertainFromMs = checkExistingFirst ? 0 : isLost ? lookupFromMs : undefined;
  return {
    runtimeId,
    files: input.files.map((options, index) => {
      const file = { options, key: toCollectionKey(collectionKey, options) };
      return restoreFileState(file, previous?.files[index], { uncertainFromMs, isLost });
    }),
    consecutiveTrips: previous?.consecutiveTrips ?? 0,
    lookupFailures: { ...previous?.lookupFailures },
    lookupFromMs,
    // From the beginning: the API key may be replaced by that of another account during the attempt.
    account: previous?.account ?? client.knownAccount,
    listSettledAtMs: listSettling.settledAtMs(info, {
      previousAttemptLost: isLost,
      checkExistingFirst,
      concurrentRun,
    }),
  };
}

function toCheckpoint(
  { files, consecutiveTrips, lookupFailures, lookupFromMs, account }: CollectState,
  toOutcome: ToOutcome | undefined,
  knownAccount: string | undefined,
): CollectCheckpoint {
  return {
    files: files.map((file) => toFileCheckpoint(file, toOutcome)),
    consecutiveTrips,
    lookupFailures,
    lookupFromMs,
    account: account ?? knownAccount,
  };
}

async function learnAccount(client: BctrlClient, signal: AbortSignal): Promise<string | undefined> {
  const timeout = sleep(ACCOUNT_TIMEOUT_MS, undefined, { ref: false });
  return await Promise.race([client.account({ signal }).catch(() => undefined), timeout]);
}

function getNextRetryDelayMs(error: unknown): number | undefined {
  const { nextRetryDelay } = error instanceof ApplicationFailure ? error : {};
  return typeof nextRetryDelay === 'number' ? nextRetryDelay : undefined;
}
