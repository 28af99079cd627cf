import { Context, type Info } from '@temporalio/activity';
import {
  type CollectedFile,
  type CollectRuntimeFilesInput,
  collectRuntimeFilesInputSchema,
} from '../shared/collect.js';
import { type CollectOutcome, toBriefOutcome, toStoredFileRef } from '../shared/collect-outcome.js';
import { parseInput } from '../shared/parse-input.js';
import { defaultCollectionKey, toCollectionKey } from './collection-keys.js';
import { toBctrlError } from './failures.js';
import { type FileState, toOutcome } from './file-state.js';
import {
  type AttemptFailure,
  type CollectActivityDependencies,
  runCollectActivity,
} from './run-collect-activity.js';
import { toApplicationFailure } from './to-application-failure.js';

/** An attempt that begins at the last moment would be cut off. */
const MARGIN_MS = 1_000;

/**
 * Copies many files of a runtime's workspace into durable storage, each once, with as many requests at a time as the
 * worker may have. An attempt makes one pass over the files that have no outcome yet. A file that finally fails is an
 * outcome too, and so is the last failure of one for which the activity has no time left.
 *
 * @returns the outcomes, in the order of the files
 * @throws ApplicationFailure with the reasonClass as type and {@link FailureDetails} in `details[0]`, as long as files are
 *   left to another attempt
 */
export function createCollectRuntimeFiles(dependencies: CollectActivityDependencies) {
  return async function collectRuntimeFiles(input: CollectRuntimeFilesInput): Promise<CollectOutcome[]> {
    const {
      runtimeId,
      collectionKey = defaultCollectionKey(),
      checkExistingFirst,
      concurrentRun,
      brief,
      files,
    } = parseInput(collectRuntimeFilesInputSchema, input);
    const canRetryAfter = createDeadline(Context.current().info);
    const toOutcomeOf = brief ? toBriefOutcome : toStoredFileRef;
    const collect = {
      runtimeId,
      files: files.map((options) => ({ options, key: toCollectionKey(collectionKey, options) })),
      checkExistingFirst,
      concurrentRun,
      checkpointOutcomes: true,
      toResult: (file: CollectedFile) => ({ outcome: toOutcomeOf(file) }),
    };
    return await runCollectActivity(dependencies, collect, (states, attemptFailure) => {
      failFilesPastDeadline(states, attemptFailure, canRetryAfter);
      const pending = states.filter(({ outcome }) => outcome === undefined);
      if (pending.length > 0) throw toFailure(pending, attemptFailure);
      return states.flatMap((file) => toOutcome(file) ?? []);
    });
  };
}

/** A file that may be tried again only when the activity's time is over has its last failure for an outcome. */
function failFilesPastDeadline(
  files: readonly FileState[],
  attemptFailure: AttemptFailure | undefined,
  canRetryAfter: (delayMs: number) => boolean,
): void {
  for (const file of files) {
    const failure = file.lastFailure ?? attemptFailure;
    if (file.outcome !== undefined || failure === undefined) continue;
    const delayMs = Math.max(failure.delayMs, attemptFailure?.delayMs ?? 0);
    if (!canRetryAfter(delayMs)) file.outcome = { error: failure.error };
  }
}

/**
 * Tells whether another attempt, after so many milliseconds, comes before the activity's time is over. That is reckoned by
 * Temporal's clock, which knows nothing of a wait in the task queue, and by this machine's, if that can be right.
 */
function createDeadline({
  scheduledTimestampMs,
  scheduleToCloseTimeoutMs,
  currentAttemptScheduledTimestampMs,
}: Info): (delayMs: number) => boolean {
  // No bound at all.
  if (!scheduleToCloseTimeoutMs) return () => true;
  const deadlineMs = scheduledTimestampMs + scheduleToCloseTimeoutMs;
  const startedMs = performance.now();
  const beganMs = Date.now();
  // Temporal begins no attempt after the deadline.
  const isClockRight = beganMs > currentAttemptScheduledTimestampMs && beganMs < deadlineMs;
  const attemptMs = isClockRight ? beganMs : currentAttemptScheduledTimestampMs;
  return (delayMs) => attemptMs + performance.now() - startedMs + delayMs + MARGIN_MS < deadlineMs;
}

/** The one that has to wait longest says why, and how long. */
function toFailure(pending: readonly FileState[], attemptFailure: AttemptFailure | undefined) {
  const [longest] = [...pending].sort(
    (a, b) => (b.lastFailure?.delayMs ?? 0) - (a.lastFailure?.delayMs ?? 0),
  );
  const ofFile = longest?.lastFailure;
  const failure =
    attemptFailure && attemptFailure.delayMs > (ofFile?.delayMs ?? 0)
      ? attemptFailure
      : (ofFile ?? attemptFailure);
  const path = longest?.options.runtimePath ?? '';
  const subject = pending.length === 1 ? path : `${path} and ${pending.length - 1} more`;
  return toApplicationFailure(toBctrlError(failure?.error), subject, failure?.delayMs ?? 0);
}
