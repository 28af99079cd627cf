import { CancelledFailure } from '@temporalio/activity';
import { z } from 'zod';
import { parseLeft, runAttempt } from './attempt.js';
import { type CollectDependencies, CollectPass, type Postponed } from './collect-pass.js';
import {
  type DescribeFile,
  type FileInWork,
  fileRecordSchema,
  type KeyedFile,
  toFileInWork,
  toFileRecord,
} from './file-in-work.js';

const recordsSchema = z.array(fileRecordSchema);

export interface CollectTask {
  readonly runtimeId: string;
  readonly files: readonly KeyedFile[];
  readonly lookFirst: boolean | undefined;
  /** Files that have their outcome are left alone by the attempts after it, which are told so. */
  readonly describe?: DescribeFile;
}

/**
 * Makes one attempt at the files of a task, from what the attempts before have left.
 *
 * @param conclude the attempt's result or failure; `postponed` says why files have no outcome yet
 * @throws CancelledFailure with what is left, and so with the outcomes that are known, in `details[0]`
 */
export async function collectInAttempt<T>(
  dependencies: CollectDependencies,
  { runtimeId, files, lookFirst, describe }: CollectTask,
  conclude: (files: readonly FileInWork[], postponed: Postponed | undefined) => T,
): Promise<T> {
  return await runAttempt((attempt) => {
    const records = parseLeft(recordsSchema, attempt.inherited) ?? [];
    const inWork = files.map((file, index) => toFileInWork(file, records[index], attempt, lookFirst));
    const left = () => inWork.map((file) => toFileRecord(file, describe));
    const run = async () => {
      try {
        const postponed = await new CollectPass(dependencies, attempt, runtimeId, inWork).run();
        return conclude(inWork, postponed);
      } catch (error) {
        throw error instanceof CancelledFailure ? new CancelledFailure(error.message, [left()]) : error;
      }
    };
    return { run, left };
  });
}
