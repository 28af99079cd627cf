import { Context } from '@temporalio/activity';
import {
  type CollectedFile,
  type CollectRuntimeFilesInput,
  collectRuntimeFilesInputSchema,
} from '../shared/collect.js';
import { type CollectOutcome, toBriefOutcome, toPresentFile } from '../shared/collect-outcome.js';
import { fileIdentity } from '../shared/file-identity.js';
import { collectInAttempt } from './collect-in-attempt.js';
import type { CollectDependencies, Postponed } from './collect-pass.js';
import { toBctrlError } from './failures.js';
import { fallbackKey } from './fallback-key.js';
import { type FileInWork, toOutcome, toRefusal } from './file-in-work.js';
import { parseInput } from './parse-input.js';
import { toApplicationFailure } from './to-application-failure.js';

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
    const startedMs = performance.now();
    const describe = task.brief ? toBriefOutcome : toPresentFile;
    const toSettled = (file: CollectedFile) => ({ outcome: describe(file) });
    const collect = { runtimeId, files, lookFirst, keepOutcomes: true, toSettled };
    return await collectInAttempt(dependencies, collect, (inWork, postponed) => {
      const isLast = postponed === undefined || !isInTime(postponed, performance.now() - startedMs);
      if (!isLast) throw toFailure(inWork, postponed);
      return inWork.map(
        (file) => toOutcome(file) ?? toRefusal(file.options, toBctrlError(file.error ?? postponed?.error)),
      );
    });
  };
}

/** Whether another attempt comes before the activity's time is over, by Temporal's clock. */
function isInTime({ delayMs }: Postponed, attemptedMs: number): boolean {
  const { scheduledTimestampMs, scheduleToCloseTimeoutMs, currentAttemptScheduledTimestampMs } =
    Context.current().info;
  const nextMs = currentAttemptScheduledTimestampMs + attemptedMs + delayMs;
  return nextMs < scheduledTimestampMs + scheduleToCloseTimeoutMs;
}

function toFailure(inWork: readonly FileInWork[], { file, error, delayMs }: Postponed) {
  const others = inWork.filter(({ settled }) => settled === undefined).length - 1;
  const subject = others === 0 ? file.options.runtimePath : `${file.options.runtimePath} and ${others} more`;
  return toApplicationFailure(error, subject, delayMs);
}
