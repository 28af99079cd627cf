import { Context, type Info } from '@temporalio/activity';
import { type CollectBatchInput, collectRuntimeFilesInputSchema } from '../shared/collect.js';
import { type CollectOutcome, toBriefOutcome, toStoredFileRef } from '../shared/collect-outcome.js';
import { parseInput } from '../shared/parse-input.js';
import type { ByAccount } from './by-account.js';
import { type FileState, isPending, type RetriedFailure, toCollectOutcome } from './collect-state.js';
import type { ActivityDependencies } from './dependencies.js';
import { toApplicationFailure, toBctrlError } from './failures.js';
import { runCollectActivity } from './run-collect-activity.js';

/** An attempt that starts later than this before the deadline would be cut off. */
const MARGIN_MS = 1_000;

/**
 * Copies many files of a runtime's workspace into durable storage, each of them once, with as many requests in flight as the
 * client allows. Each attempt makes one pass over the pending files. A file that finally fails has an outcome too, and so has a
 * file that cannot be tried again in the activity's time: its last failure.
 *
 * @returns the outcomes, in the order of the files
 * @throws ApplicationFailure with the reasonClass as type and {@link FailureDetails} in `details[0]`, while files are pending
 */
export function createCollectRuntimeFiles(dependenciesOf: ByAccount<ActivityDependencies>) {
  return async function collectRuntimeFiles(input: CollectBatchInput): Promise<CollectOutcome[]> {
    const { account, brief, ...collect } = parseInput(collectRuntimeFilesInputSchema, input);
    const toOutcome = brief ? toBriefOutcome : toStoredFileRef;
    const canRetryAfter = createDeadline(Context.current().info);
    const dependencies = dependenciesOf(account);
    return await runCollectActivity(dependencies, { ...collect, toOutcome }, (states, passFailure) => {
      failFilesPastDeadline(states, passFailure, canRetryAfter);
      const pending = states.filter(isPending);
      if (pending.length > 0) throw toFailure(pending, passFailure);
      return states.flatMap((file) => toCollectOutcome(file, toOutcome) ?? []);
    });
  };
}

/** The last failure of a file becomes its outcome if the activity has no time left to try it again. */
function failFilesPastDeadline(
  files: readonly FileState[],
  passFailure: RetriedFailure | undefined,
  canRetryAfter: (delayMs: number) => boolean,
): void {
  for (const file of files) {
    const failure = file.lastFailure ?? passFailure;
    if (!isPending(file) || failure === undefined) continue;
    const delayMs = Math.max(failure.delayMs, passFailure?.delayMs ?? 0);
    if (!canRetryAfter(delayMs)) file.outcome = { error: failure.error };
  }
}

/**
 * Returns a function that tells whether an attempt after a delay would start before the activity's time is over. It uses this
 * machine's clock if it is plausible: Temporal's time of the attempt does not include the wait in the task queue.
 */
function createDeadline({
  scheduledTimestampMs,
  scheduleToCloseTimeoutMs,
  currentAttemptScheduledTimestampMs,
}: Info): (delayMs: number) => boolean {
  // A server sends 0 for no timeout.
  if (!scheduleToCloseTimeoutMs) return () => true;
  const deadlineMs = scheduledTimestampMs + scheduleToCloseTimeoutMs;
  const startedMs = performance.now();
  const nowMs = Date.now();
  // Temporal starts no attempt after the deadline.
  const isClockPlausible = nowMs > currentAttemptScheduledTimestampMs && nowMs < deadlineMs;
  const attemptMs = isClockPlausible ? nowMs : currentAttemptScheduledTimestampMs;
  return (delayMs) => attemptMs + performance.now() - startedMs + delayMs + MARGIN_MS < deadlineMs;
}

/** The longest delay decides, and so does its error. */
function toFailure(pending: readonly FileState[], passFailure: RetriedFailure | undefined) {
  const [longest] = pending.toSorted((a, b) => (b.lastFailure?.delayMs ?? 0) - (a.lastFailure?.delayMs ?? 0));
  const fileFailure = longest?.lastFailure;
  const isPassLonger = passFailure !== undefined && passFailure.delayMs > (fileFailure?.delayMs ?? 0);
  const failure = isPassLonger ? passFailure : (fileFailure ?? passFailure);
  const path = longest?.options.runtimePath ?? '';
  const subject = pending.length === 1 ? path : `${path} and ${pending.length - 1} more`;
  return toApplicationFailure(toBctrlError(failure?.error), subject, failure?.delayMs ?? 0);
}
