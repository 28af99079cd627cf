import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure, CancelledFailure, type Info } from '@temporalio/activity';
import type { BctrlError } from '../bctrl/bctrl-error.js';
import type { CollectedFile } from '../shared/collect.js';
import { type CollectCheckpoint, collectCheckpointSchema } from '../shared/heartbeat-details.js';
import { nextRetryDelayMs } from '../shared/retry-table.js';
import { type CollectDependencies, CollectPass, type PassFailure } from './collect-pass.js';
import {
  type FileResult,
  type FileState,
  type FileWithKey,
  restoreFileState,
  toFileCheckpoint,
} from './file-state.js';
import { type Attempt, parseCheckpoint, runWithHeartbeat } from './heartbeat.js';
import type { TemporalConfirmation } from './lease.js';
import { reportCollects } from './report-collects.js';
import type { RunsSeen } from './runs-seen.js';

/** What the collecting activities of a worker share. */
export interface CollectActivityDependencies extends CollectDependencies {
  readonly temporal: TemporalConfirmation;
  readonly runsSeen: RunsSeen;
}

/** An attempt that fails anyway waits no longer to learn whose key it had. */
const ACCOUNT_TIMEOUT_MS = 2_000;

export interface CollectActivityInput {
  readonly runtimeId: string;
  readonly files: readonly FileWithKey[];
  readonly checkExistingFirst: boolean | undefined;
  readonly concurrentRun: boolean | undefined;
  /** A file that has its outcome is left alone by the attempts after it. */
  readonly checkpointOutcomes: boolean;
  /** What is kept of a file that is collected. */
  readonly toResult: (file: CollectedFile) => FileResult;
}

/** The failure that left files untried, and when the API may be asked again. */
export interface AttemptFailure {
  readonly error: BctrlError;
  readonly delayMs: number;
}

/**
 * Makes one attempt at the files of an activity, from the checkpoint of the attempts before.
 *
 * @param toActivityResult the attempt's result, or its failure as long as files are pending
 * @throws CancelledFailure with the checkpoint of the attempt, and so with the outcomes that are known, in `details[0]`
 */
export async function runCollectActivity<T>(
  dependencies: CollectActivityDependencies,
  input: CollectActivityInput,
  toActivityResult: (files: readonly FileState[], failure: AttemptFailure | undefined) => T,
): Promise<T> {
  const { client, watermark, temporal } = dependencies;
  const begin = (attempt: Attempt) => {
    const previous = parseCheckpoint(collectCheckpointSchema, attempt.checkpoint);
    // A checkpoint that another version of this program wrote says as little as none of an attempt that was lost.
    const isLost =
      attempt.previousAttemptLost || (previous === undefined && attempt.checkpoint !== undefined);
    const lookupFromMs = previous?.lookupFromMs ?? (isLost ? 0 : watermark.lookupFromMs);
    const uncertainFromMs = input.checkExistingFirst ? 0 : isLost ? lookupFromMs : undefined;
    const files = input.files.map((file, index) =>
      restoreFileState(file, previous?.files[index], uncertainFromMs),
    );
    const pending = files.filter(({ outcome }) => outcome === undefined);
    const lookupFailures = { ...previous?.lookupFailures };
    let consecutiveTrips = previous?.consecutiveTrips ?? 0;
    let account = previous?.account;

    const checkpoint = (): CollectCheckpoint => ({
      files: files.map((file) => toFileCheckpoint(file, input.checkpointOutcomes)),
      consecutiveTrips,
      lookupFailures,
      lookupFromMs,
      account: account ?? client.knownAccount,
    });
    const pass = new CollectPass(dependencies, {
      attempt,
      runtimeId: input.runtimeId,
      files,
      toResult: input.toResult,
      settledAtMs: settledAtMs(dependencies, input, attempt.info, isLost),
      lookupFailures,
      isOtherAccount: async () => account !== undefined && account !== (await client.account(attempt)),
    });
    const run = async () => {
      let nextDelayMs: number | undefined;
      try {
        const failure = await pass.run();
        consecutiveTrips = failure?.isCircuitOpen ? consecutiveTrips + 1 : 0;
        if (files.some(isUncertain)) account ??= await learnAccount(client, attempt.signal);
        return toActivityResult(files, failure && withDelay(dependencies, failure, consecutiveTrips));
      } catch (error) {
        nextDelayMs = nextRetryDelayOf(error);
        throw error instanceof CancelledFailure ? new CancelledFailure(error.message, [checkpoint()]) : error;
      } finally {
        reportCollects(pending, nextDelayMs);
      }
    };
    return { run, checkpoint };
  };
  return await runWithHeartbeat(begin, temporal);
}

/**
 * When the listing shows what was made before this attempt. An attempt that failed has waited for that already. One that was lost
 * has sent nothing since its lease ended, before this one began. Another run of the workflow goes on until its next heartbeat.
 */
function settledAtMs(
  { listSettleMs, runsSeen }: CollectActivityDependencies,
  { checkExistingFirst, concurrentRun }: CollectActivityInput,
  info: Info,
  isLost: boolean,
): number {
  const nowMs = performance.now();
  if (listSettleMs === 0) return nowMs;
  const otherRunMs = info.heartbeatTimeoutMs ?? 0;
  // A reset starts the attempts at 1 again, beside the one that it resets.
  if (isLost) return nowMs + (info.attempt === 1 ? otherRunMs : 0) + listSettleMs;
  if (!checkExistingFirst) return nowMs;
  return runsSeen.firstSeenMs(info) + (concurrentRun ? otherRunMs : 0) + listSettleMs;
}

function isUncertain({ outcome, lookupFromMs }: FileState): boolean {
  return outcome === undefined && lookupFromMs !== undefined;
}

async function learnAccount(
  client: CollectDependencies['client'],
  signal: AbortSignal,
): Promise<string | undefined> {
  const timeout = sleep(ACCOUNT_TIMEOUT_MS, undefined, { ref: false });
  return await Promise.race([client.account({ signal }).catch(() => undefined), timeout]);
}

function nextRetryDelayOf(error: unknown): number | undefined {
  const { nextRetryDelay } = error instanceof ApplicationFailure ? error : {};
  return typeof nextRetryDelay === 'number' ? nextRetryDelay : undefined;
}

/** An outage is asked less and less often, whichever files it meets. */
function withDelay(
  { retryTable, random }: CollectDependencies,
  { error, delayMs }: PassFailure,
  consecutiveTrips: number,
): AttemptFailure {
  if (delayMs !== undefined) return { error, delayMs };
  const rule = { ...retryTable[error.reasonClass], maximumFailures: null, finalCodes: [] };
  return { error, delayMs: nextRetryDelayMs(rule, { ...error, failures: consecutiveTrips }, random) ?? 0 };
}
