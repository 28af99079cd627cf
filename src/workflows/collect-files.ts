import { condition, patched, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { BctrlActivities } from '../activities/create-activities.js';
import { isMissingFile } from '../shared/collect.js';
import { type CollectOutcome, toStoredFileRef } from '../shared/collect-outcome.js';
import { formatCount, truncatePath } from '../shared/display-text.js';
import type { ApiProblem } from '../shared/failure-details.js';
import { withoutPath } from '../shared/group-failures.js';
import { collectCheckpointSchema } from '../shared/heartbeat-details.js';
import type { PipelineFile } from '../shared/pipeline-input.js';
import { isCutOff, readCheckpoint, toProblem } from './activity-failure.js';
import { activityOptions, batchActivityOptions } from './activity-options.js';
import { collectionKey } from './collection-key.js';
import { type FileResult, MAX_REPORTED_FILES, type PendingFile } from './file-entry.js';
import type { PipelineState } from './pipeline-state.js';

/** Up to this many files get an activity each, all at once: enough to keep a worker busy, few enough to read in the UI. */
const MAX_SINGLE_FILES = 20;

/** With this many requests per activity, the activity itself costs little. */
const MIN_BATCH_SIZE = 100;

/** With this many batches, progress is visible. */
const TARGET_BATCHES = 20;

const { collectRuntimeFile } = proxyActivities<BctrlActivities>(activityOptions());
const { collectRuntimeFiles } = proxyActivities<BctrlActivities>(batchActivityOptions());

/** A refusal in a history of an earlier version is replayed as it was: the other batches went on. */
const STOP_AFTER_REFUSAL = 'stop-after-refusal';

/**
 * Collects the pending files, and those that are added meanwhile. A file that fails does not stop the others, unless a batch found
 * the key or the runtime refused: then the files that are still pending fail too. Files stay pending when the history of this run
 * is full.
 */
export async function collectFiles(pipeline: PipelineState): Promise<void> {
  if (pipeline.skipReason !== undefined) return;
  pipeline.setPhase('collecting');
  const { files, input } = pipeline;
  const running: Promise<void>[] = [];
  let inFlight = 0;
  let thrown: unknown;
  const useSingleActivities = () => files.counts.files <= MAX_SINGLE_FILES;
  const hasCapacity = () => inFlight < (useSingleActivities() ? MAX_SINGLE_FILES : input.concurrency);
  const canSchedule = () =>
    files.hasPending && thrown === undefined && !workflowInfo().continueAsNewSuggested;

  const collect = async (batch: PendingFile[]) => {
    inFlight += 1;
    try {
      const [file, ...others] = batch;
      if (file && others.length === 0) await collectSingleFile(pipeline, file);
      else {
        const refusal = await collectBatch(pipeline, batch);
        if (refusal) files.failPending(refusal);
      }
    } catch (error) {
      thrown ??= error;
    }
    inFlight -= 1;
    pipeline.updateCurrentDetails();
  };
  try {
    for (;;) {
      while (hasCapacity() && canSchedule()) {
        running.push(collect(files.takeNext(useSingleActivities() ? 1 : getBatchSize(pipeline))));
      }
      if (inFlight === 0) break;
      // Files may be added while others are in flight.
      await condition(() => inFlight === 0 || (hasCapacity() && canSchedule()));
    }
  } finally {
    // The report of a cancelled pipeline says what its last requests did.
    if (inFlight > 0) await Promise.all(running);
  }
  if (thrown !== undefined) throw thrown;
}

function getBatchSize({ input, files }: PipelineState): number {
  return input.batchSize ?? Math.max(MIN_BATCH_SIZE, Math.ceil(files.counts.files / TARGET_BATCHES));
}

async function collectSingleFile(pipeline: PipelineState, pending: PendingFile): Promise<void> {
  const path = truncatePath(pending.file.runtimePath);
  const options = activityOptions(pipeline.optionsFor(path));
  const activityInput = { ...toFileOptions(pending), ...toKeyInput(pipeline, [pending]) };
  let outcome: CollectOutcome;
  try {
    outcome = toStoredFileRef(await collectRuntimeFile.executeWithOptions(options, [activityInput]));
  } catch (error) {
    outcome = toFailedOutcome(path, error);
  }
  pipeline.files.setOutcome(pending, toFileResult(pending.file, outcome));
}

/** Returns the refusal that the pending files of the pipeline would meet too, if there was one. */
async function collectBatch(
  pipeline: PipelineState,
  batch: readonly PendingFile[],
): Promise<ApiProblem | undefined> {
  const range = describeRange(batch, pipeline.files.counts.files);
  const options = batchActivityOptions(pipeline.optionsFor(range));
  const setOutcomes = (outcomes: readonly (CollectOutcome | undefined)[]) => {
    for (const [index, pending] of batch.entries()) {
      const outcome = outcomes[index];
      if (outcome) pipeline.files.setOutcome(pending, toFileResult(pending.file, outcome));
    }
  };
  const brief = batch.every(({ position }) => position > MAX_REPORTED_FILES);
  const activityInput = { files: batch.map(toFileOptions), brief, ...toKeyInput(pipeline, batch) };
  try {
    const outcomes = await collectRuntimeFiles.executeWithOptions(options, [activityInput]);
    setOutcomes(outcomes);
    return findRefusal(pipeline, batch, outcomes);
  } catch (error) {
    setOutcomes(outcomesFromFailure(error));
    const failed = toFailedOutcome(range, error);
    setOutcomes(batch.map(() => failed));
    return undefined;
  }
}

function findRefusal(
  { files: { counts } }: PipelineState,
  batch: readonly PendingFile[],
  outcomes: readonly CollectOutcome[],
): ApiProblem | undefined {
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.outcome !== 'failed' || !outcome.untried) continue;
    const { outcome: _, requestId: __, unverified: ___, ...refusal } = outcome;
    const { runtimePath = '' } = batch[index]?.file ?? {};
    // A key that collects some files may be denied those of one batch.
    const mayBeOfBatch = refusal.reasonClass === 'capability_denied' && counts.collected + counts.kept > 0;
    if (mayBeOfBatch || !patched(STOP_AFTER_REFUSAL)) return undefined;
    return { ...refusal, message: withoutPath(refusal.message, runtimePath) };
  }
  return undefined;
}

function toFileOptions({ file: { ifMissing: _, ...options } }: PendingFile) {
  return options;
}

function toKeyInput(pipeline: PipelineState, files: readonly PendingFile[]) {
  const { runtimeId, rerunOf } = pipeline.input;
  const checkExistingFirst = pipeline.mustCheckExisting || files.some(({ attempted }) => attempted);
  return { ...collectionKey(undefined, rerunOf), runtimeId, checkExistingFirst, ...pipeline.accountInput };
}

/** `files 101–200 of 3,000`, or `80 of the files 101–200 of 3,000` if the batch skips some. */
function describeRange(batch: readonly PendingFile[], total: number): string {
  const positions = batch.map(({ position }) => position);
  const [first, last] = [Math.min(...positions), Math.max(...positions)];
  const range = `files ${formatCount(first)}–${formatCount(last)} of ${formatCount(total)}`;
  return batch.length === last - first + 1 ? range : `${formatCount(batch.length)} of the ${range}`;
}

/** The last attempt of an activity that was cut off may have made the files that it was collecting. */
function toFailedOutcome(subject: string, error: unknown): CollectOutcome {
  const problem = toProblem(subject, error);
  return { outcome: 'failed', ...problem, ...(isCutOff(error) && { unverified: true }) };
}

/** The outcomes that a batch had when it was cancelled or timed out, in the order of its files. */
function outcomesFromFailure(error: unknown): (CollectOutcome | undefined)[] {
  return readCheckpoint(collectCheckpointSchema, error)?.files.map(({ outcome }) => outcome) ?? [];
}

/** A missing file has not failed if its `ifMissing` says so. */
function toFileResult(
  { runtimePath, ifMissing = 'fail' }: PipelineFile,
  outcome: CollectOutcome,
): FileResult {
  if (outcome.outcome !== 'failed' || ifMissing === 'fail' || !isMissingFile(outcome)) {
    return { ...outcome, runtimePath };
  }
  return { ...outcome, outcome: 'missing', runtimePath, ifMissing };
}
