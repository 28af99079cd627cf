import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { condition, proxyActivities } from '@temporalio/workflow';
import type { BctrlActivities } from '../activities/create-activities.js';
import { type CollectedFile, isMissingFile } from '../shared/collect.js';
import { shortPath } from '../shared/one-line.js';
import type { PipelineFile } from '../shared/pipeline-input.js';
import type { CollectedOutcome, FileOutcome } from '../shared/pipeline-report.js';
import { collectOptions } from './bctrl-activities.js';
import { collectionKey } from './collection-key.js';
import type { ListedFile } from './file-list.js';
import { findRun } from './finish.js';
import type { PipelineState } from './pipeline-state.js';
import { type ApiProblem, toProblem } from './to-problem.js';

/** Files collected at the same time: enough to keep a worker busy, few enough to be read in the UI. */
const WINDOW = 20;

/** Hexadecimal digits: 128 bits, so that no two paths ever meet. */
const DIGEST_LENGTH = 32;

const { collectRuntimeFile } = proxyActivities<BctrlActivities>(collectOptions());

/** Collects the open files, and those that are added meanwhile. One that finally fails does not stop the others. */
export async function collectFiles(pipeline: PipelineState): Promise<void> {
  if (pipeline.reasonToLeaveFiles !== undefined) return;
  pipeline.enter('collecting');
  await findRun(pipeline);
  const { files } = pipeline;
  let busy = 0;
  const lane = async () => {
    for (;;) {
      const next = files.take();
      if (next !== undefined) {
        busy += 1;
        files.settle(next, await collect(pipeline, next));
        busy -= 1;
        pipeline.show();
      } else if (busy > 0) {
        // Files may be added as long as another lane works.
        await condition(() => files.hasOpen || busy === 0);
      } else {
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: WINDOW }, lane));
}

async function collect(
  { input }: PipelineState,
  { file, identity, tried }: ListedFile,
): Promise<FileOutcome> {
  const { ifMissing: _, ...request } = file;
  const subject = shortPath(file.runtimePath);
  const options = collectOptions({
    giveUpAfter: input.giveUpAfter,
    mayAppear: file.appearsWithin !== undefined,
    summary: subject,
  });
  const { lookFirst, ...key } = collectionKey(digest(identity));
  const task = { ...request, ...key, runtimeId: input.runtimeId, lookFirst: lookFirst || tried };
  try {
    return toCollectedOutcome(file, await collectRuntimeFile.executeWithOptions(options, [task]));
  } catch (error) {
    return toRefusedOutcome(file, toProblem(subject, error));
  }
}

/**
 * The place of a file in its collection key. It is not its number: after a reset, what jobs and `addFiles` bring may come in
 * another order, and a number would stand for another file.
 */
function digest(identity: string): string {
  return bytesToHex(sha256(utf8ToBytes(identity))).slice(0, DIGEST_LENGTH);
}

function toCollectedOutcome({ runtimePath }: PipelineFile, file: CollectedFile): CollectedOutcome {
  const { id: fileId, path, sizeBytes, duplicateIds } = file;
  const outcome = file.kept ? 'kept' : 'collected';
  return { outcome, runtimePath, fileId, path, sizeBytes, ...(duplicateIds && { duplicateIds }) };
}

function toRefusedOutcome(
  { runtimePath, ifMissing = 'fail' }: PipelineFile,
  problem: ApiProblem,
): FileOutcome {
  if (ifMissing === 'fail' || !isMissingFile(problem)) return { outcome: 'failed', runtimePath, ...problem };
  return { outcome: 'missing', runtimePath, ifMissing, ...problem };
}
