import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { z } from 'zod';
import type { BctrlError } from '../bctrl/bctrl-error.js';
import type { CollectedFile } from '../shared/collect.js';
import { nextDelayMs } from '../shared/retry-table.js';
import { parseInherited, runAttempt } from './attempt.js';
import { type CollectDependencies, CollectPass } from './collect-pass.js';
import {
  type FileInWork,
  fileRecordSchema,
  type KeyedFile,
  type Settled,
  toFileInWork,
  toFileRecord,
} from './file-in-work.js';
import { reportCollects } from './report-collects.js';

/** What an attempt leaves to the next. */
const recordSchema = z.object({
  /** In the order of the files. */
  files: z.array(fileRecordSchema),
  /** Attempts in a row that had to end early. */
  stops: z.int(),
});

export interface CollectTask {
  readonly runtimeId: string;
  readonly files: readonly KeyedFile[];
  readonly lookFirst: boolean | undefined;
  /** A file that has its outcome is left alone by the attempts after it. */
  readonly keepOutcomes: boolean;
  /** What is kept of a file that is collected. */
  readonly toSettled: (file: CollectedFile) => Settled;
}

/** The failure that ended a pass early, and when the API may be asked again. */
export interface Stopped {
  readonly error: BctrlError;
  readonly delayMs: number;
}

/**
 * Makes one attempt at the files of a task, from what the attempts before have left.
 *
 * @param conclude the attempt's result, or its failure as long as files have no outcome
 * @throws CancelledFailure with the record of the attempt, and so with the outcomes that are known, in `details[0]`
 */
export async function collectInAttempt<T>(
  dependencies: CollectDependencies,
  { runtimeId, files: keyed, lookFirst, keepOutcomes, toSettled }: CollectTask,
  conclude: (files: readonly FileInWork[], stopped: Stopped | undefined) => T,
): Promise<T> {
  return await runAttempt((attempt) => {
    const record = parseInherited(recordSchema, attempt.inherited);
    // A record that another version of this program wrote says as little as none of an attempt that broke off.
    const isUnreadable = record === undefined && attempt.inherited !== undefined;
    const known = isUnreadable ? { ...attempt, brokeOff: true } : attempt;
    const files = keyed.map((file, index) => toFileInWork(file, record?.files[index], known, lookFirst));
    const open = files.filter(({ settled }) => settled === undefined);
    let stops = record?.stops ?? 0;
    const left = () => ({ files: files.map((file) => toFileRecord(file, keepOutcomes)), stops });
    const run = async () => {
      let nextDelayMs: number | undefined;
      try {
        const error = await new CollectPass(dependencies, { attempt, runtimeId, files, toSettled }).run();
        stops = error === undefined ? 0 : stops + 1;
        return conclude(files, error && { error, delayMs: delayAfter(dependencies, error, stops) });
      } catch (error) {
        nextDelayMs = delayOf(error);
        throw error instanceof CancelledFailure ? new CancelledFailure(error.message, [left()]) : error;
      } finally {
        reportCollects(open, nextDelayMs);
      }
    };
    return { run, left };
  });
}

function delayOf(error: unknown): number | undefined {
  const { nextRetryDelay } = error instanceof ApplicationFailure ? error : {};
  return typeof nextRetryDelay === 'number' ? nextRetryDelay : undefined;
}

/** An outage is asked less and less often, whichever files it meets. */
function delayAfter(
  { retryTable, random }: CollectDependencies,
  error: BctrlError,
  failures: number,
): number {
  const rule = { ...retryTable[error.reasonClass], maximumFailures: null, finalCodes: [] };
  return nextDelayMs(rule, { ...error, failures }, random) ?? 0;
}
