import type { Info } from '@temporalio/activity';
import type { BctrlClient } from '../bctrl/bctrl-client.js';
import { BctrlError } from '../bctrl/bctrl-error.js';
import {
  type CollectedFile,
  type CollectRuntimeFileInput,
  collectRuntimeFileInputSchema,
  isMissingFile,
} from '../shared/collect.js';
import { durationToMs } from '../shared/duration.js';
import { COLLECTION_KEY } from '../shared/names.js';
import type { File } from '../shared/wire.js';
import { type ActivityDependencies, type Attempt, runAttempt } from './attempt.js';
import { findCollectedFiles, listAllFiles } from './find-collected-file.js';
import { parseInput } from './parse-input.js';

/** How far the API's clock may be behind Temporal's before a look misses a file. */
const CLOCK_SKEW_MS = 10 * 60 * 1_000;

/**
 * Copies one file of a runtime's workspace into durable storage, once, however many attempts it takes.
 *
 * The API has no idempotency key for it. The file is created with a collection key in its metadata, and an attempt
 * whose predecessor may have created it looks for that key before it creates anything.
 *
 * @throws ApplicationFailure with the reasonClass as type and {@link FailureDetails} in `details[0]`
 */
export function createCollectRuntimeFile(dependencies: ActivityDependencies) {
  return async function collectRuntimeFile(input: CollectRuntimeFileInput): Promise<CollectedFile> {
    const task = parseInput(collectRuntimeFileInputSchema, input);
    const isNotYet = (error: BctrlError, info: Info) => appearsLater(error, task, info);
    return await runAttempt(dependencies, { subject: task.runtimePath, isNotYet }, (attempt) =>
      collectOnce(dependencies.client, task, attempt),
    );
  };
}

async function collectOnce(
  client: BctrlClient,
  task: CollectRuntimeFileInput,
  attempt: Attempt,
): Promise<CollectedFile> {
  const { signal } = attempt;
  const { runtimeId, collectionKey, lookFirst, ifExists, appearsWithin: _, ...request } = task;
  const key = collectionKey ?? fallbackKey(attempt.info);
  const look = () => findOwnFile(client, task, key, attempt);

  if (lookFirst || attempt.mayHaveHappened) {
    const own = await look();
    if (own !== undefined) return own;
  }
  try {
    const metadata = { ...request.metadata, [COLLECTION_KEY]: key };
    return await client.collectFile(runtimeId, { ...request, metadata }, { signal });
  } catch (error) {
    if (!(error instanceof BctrlError) || error.code !== 'storage_file.path_exists') throw error;
    const own = await look();
    if (own !== undefined) return own;
    const foreign = ifExists === 'keep' ? await findFileAt(client, task, error, signal) : undefined;
    if (foreign === undefined) throw error;
    return { ...foreign, kept: true };
  }
}

/** The file that an earlier attempt made: the oldest of those with the key, naming the others. */
async function findOwnFile(
  client: BctrlClient,
  task: CollectRuntimeFileInput,
  key: string,
  attempt: Attempt,
): Promise<CollectedFile | undefined> {
  const since = attempt.info.scheduledTimestampMs - CLOCK_SKEW_MS;
  const query = {
    runtimeId: task.runtimeId,
    // An earlier run may have made the file long before this activity was scheduled.
    createdAfter: task.lookFirst ? undefined : new Date(since).toISOString(),
  };
  const [oldest, ...others] = await findCollectedFiles(client, query, key, attempt);
  if (oldest === undefined || others.length === 0) return oldest;
  return { ...oldest, duplicateIds: others.map((file) => file.id) };
}

/** The file in durable storage that a refused collect collided with. */
async function findFileAt(
  client: BctrlClient,
  task: CollectRuntimeFileInput,
  refusal: BctrlError,
  signal: AbortSignal,
): Promise<File | undefined> {
  const path = task.destinationPath ?? refusal.details?.['path'];
  if (typeof path !== 'string') return undefined;
  for await (const file of listAllFiles(client, { path }, { signal })) {
    if (file.path === path) return file;
  }
  return undefined;
}

/** Stable over the attempts of one activity; a key from the workflow is stable over resets too. */
function fallbackKey(info: Info): string {
  const { workflowId, runId } = info.workflowExecution ?? { workflowId: '', runId: info.activityRunId };
  return [workflowId, runId, info.activityId].join('/');
}

/** Both times are the Temporal server's, so that no clock of this machine decides. */
function appearsLater(error: BctrlError, task: CollectRuntimeFileInput, info: Info): boolean {
  if (task.appearsWithin === undefined || !isMissingFile(error)) return false;
  const elapsedMs = info.currentAttemptScheduledTimestampMs - info.scheduledTimestampMs;
  return elapsedMs < durationToMs(task.appearsWithin);
}
