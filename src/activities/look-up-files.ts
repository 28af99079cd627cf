import { BctrlError } from '../bctrl/bctrl-error.js';
import type { CollectedFile } from '../shared/collect.js';
import { reasonClasses } from '../shared/reason-class.js';
import { isNeverRetried } from '../shared/retry-table.js';
import { isRefusalOfAll } from './circuit-breaker.js';
import type { CollectState, FileState, RetriedFailure } from './collect-state.js';
import type { ActivityDependencies } from './dependencies.js';
import { recordFailure, toBctrlError } from './failures.js';
import { findFilesByCollectionKey } from './find-files.js';
import { logLookupFailure } from './record-collect-telemetry.js';

/**
 * Looks up files that an earlier attempt may have created, with one lookup for all. It sets the outcome of each file that it
 * finds, and of all of them if the lookup finally fails.
 *
 * @returns the failure of a lookup that will be retried; the files stay pending until then
 */
export async function lookUpFiles(
  dependencies: ActivityDependencies,
  state: CollectState,
  files: readonly FileState[],
  signal: AbortSignal,
): Promise<RetriedFailure | undefined> {
  const { client, retryTable, random } = dependencies;
  try {
    // The listing of another account proves nothing about files that were collected with an earlier API key.
    const isOtherAccount =
      state.account !== undefined && state.account !== (await client.account({ signal }));
    await findAlreadyCollected(dependencies, state, files, signal);
    if (isOtherAccount) for (const file of files) file.outcome ??= { error: toOtherAccountError() };
    return undefined;
  } catch (thrown) {
    if (signal.aborted) return undefined;
    const error = toBctrlError(thrown);
    // One failure, however many files wait for the lookup.
    const delayMs = recordFailure(state.lookupFailures, error, retryTable[error.reasonClass], random);
    if (delayMs === null) {
      const untried = isRefusalOfAll(error) && isNeverRetried(retryTable, error) ? true : undefined;
      for (const file of files) file.outcome ??= { error, untried };
      return undefined;
    }
    logLookupFailure(error, delayMs);
    return { error, delayMs };
  }
}

async function findAlreadyCollected(
  dependencies: ActivityDependencies,
  { runtimeId, lookupFailures }: CollectState,
  files: readonly FileState[],
  signal: AbortSignal,
): Promise<void> {
  const fromMs = Math.min(...files.map(({ lookupFromMs = 0 }) => lookupFromMs));
  const query = { runtimeId, ...(fromMs > 0 && { createdAfter: new Date(fromMs).toISOString() }) };
  const keys = new Set(files.map(({ key }) => key));
  const found = new Map<string, CollectedFile>();
  let isComplete = false;
  try {
    await findFilesByCollectionKey(dependencies, query, keys, { signal }, found);
    isComplete = true;
    for (const reasonClass of reasonClasses) delete lookupFailures[reasonClass];
  } finally {
    // Files on the pages that were read count, even if a later page failed.
    for (const state of files) {
      const file = found.get(state.key);
      if (file === undefined) continue;
      // An unread page, or a listing that lags, may hide a second file of the same key.
      const unverified = state.unverified || !isComplete;
      state.outcome = { file: unverified ? { ...file, unverified: true } : file, via: 'found' };
    }
  }
}

function toOtherAccountError(): BctrlError {
  const problem =
    'it may have been collected with the API key of another account, whose files this key does not list';
  return new BctrlError(problem, {
    reasonClass: 'conflict',
    code: 'collect.other_account',
    mayHaveSucceeded: true,
  });
}
