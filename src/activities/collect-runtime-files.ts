import { Context, type Info } from '@temporalio/activity';
import {
  type CollectedFile,
  type CollectRuntimeFilesInput,
  collectRuntimeFilesInputSchema,
} from '../shared/collect.js';
import { type CollectOutcome, toBriefOutcome, toPresentFile } from '../shared/collect-outcome.js';
import { fileIdentity } from '../shared/file-identity.js';
import { collectInAttempt, type Stopped } from './collect-in-attempt.js';
import type { CollectDependencies } from './collect-pass.js';
import { toBctrlError } from './failures.js';
import { fallbackKey } from './fallback-key.js';
import { type FileInWork, toOutcome } from './file-in-work.js';
import { parseInput } from './parse-input.js';
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
export function createCollectRuntimeFiles(dependencies: CollectDependencies) {
  return async function collectRuntimeFiles(input: CollectRuntimeFilesInput): Promise<CollectOutcome[]> {
    const task = parseInput(collectRuntimeFilesInputSchema, input);
    const { runtimeId, collectionKey = fallbackKey(), lookFirst } = task;
    const files = task.files.map((options) => ({
      options,
      key: `${collectionKey}/${fileIdentity(options)}`,
    }));
    const hasTimeFor = createDeadline(Context.current().info);
    const describe = task.brief ? toBriefOutcome : toPresentFile;
    const toSettled = (file: CollectedFile) => ({ outcome: describe(file) });
    const collect = { runtimeId, files, lookFirst, keepOutcomes: true, toSettled };
    return await collectInAttempt(dependencies, collect, (inWork, stopped) => {
      settleLate(inWork, stopped, hasTimeFor);
      const open = inWork.filter(({ settled }) => settled === undefined);
      if (open.length > 0) throw toFailure(open, stopped);
      return inWork.flatMap((file) => toOutcome(file) ?? []);
    });
  };
}

/** A file that may be tried again only when the activity's time is over has its last failure for an outcome. */
function settleLate(
  inWork: readonly FileInWork[],
  stopped: Stopped | undefined,
  hasTimeFor: (delayMs: number) => boolean,
): void {
  for (const file of inWork) {
    const failed = file.failed ?? stopped;
    if (
      file.settled === undefined &&
      failed &&
      !hasTimeFor(Math.max(failed.delayMs, stopped?.delayMs ?? 0))
    ) {
      file.settled = { error: failed.error };
    }
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
function toFailure(open: readonly FileInWork[], stopped: Stopped | undefined) {
  let [longest] = open;
  for (const file of open) if ((file.failed?.delayMs ?? 0) > (longest?.failed?.delayMs ?? 0)) longest = file;
  const failed = longest?.failed;
  const { error, delayMs } =
    stopped && stopped.delayMs > (failed?.delayMs ?? 0)
      ? stopped
      : (failed ?? { error: undefined, delayMs: 0 });
  const path = longest?.options.runtimePath ?? '';
  const subject = open.length === 1 ? path : `${path} and ${open.length - 1} more`;
  return toApplicationFailure(toBctrlError(error), subject, delayMs);
}
