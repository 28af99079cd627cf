import { CancelledFailure } from '@temporalio/activity';
import { z } from 'zod';
import type { CollectedFile } from '../shared/collect.js';
import { parseLeft, runAttempt } from './attempt.js';
import { type CollectDependencies, CollectPass, type Postponed } from './collect-pass.js';
import {
  type FileInWork,
  fileRecordSchema,
  type KeyedFile,
  type Settled,
  toFileInWork,
  toFileRecord,
} from './file-in-work.js';

const recordsSchema = z.array(fileRecordSchema);

export interface CollectTask {
  readonly runtimeId: string;
  readonly files: readonly KeyedFile[];
  readonly lookFirst: boolean | undefined;
  /** A file that has its outcome is left alone by the attempts after it. */
  readonly keepOutcomes: boolean;
  /** What is kept of a file that is collected. */
  readonly toSettled: (file: CollectedFile) => Settled;
}

/**
 * Makes one attempt at the files of a task, from what the attempts before have left.
 *
 * @param conclude the attempt's result or failure; `postponed` says why files have no outcome yet
 * @throws CancelledFailure with what is left, and so with the outcomes that are known, in `details[0]`
 */
export async function collectInAttempt<T>(
  dependencies: CollectDependencies,
  { runtimeId, files, lookFirst, keepOutcomes, toSettled }: CollectTask,
  conclude: (files: readonly FileInWork[], postponed: Postponed | undefined) => T,
): Promise<T> {
  return await runAttempt((attempt) => {
    const records = parseLeft(recordsSchema, attempt.inherited) ?? [];
    const inWork = files.map((file, index) => toFileInWork(file, records[index], attempt, lookFirst));
    const left = () => inWork.map((file) => toFileRecord(file, keepOutcomes));
    const run = async () => {
      try {
        const postponed = await new CollectPass(dependencies, attempt, runtimeId, inWork, toSettled).run();
        return conclude(inWork, postponed);
      } catch (error) {
        throw error instanceof CancelledFailure ? new CancelledFailure(error.message, [left()]) : error;
      }
    };
    return { run, left };
  });
}
