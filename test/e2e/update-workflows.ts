import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  setHandler,
} from '@temporalio/workflow';
import { ADD_FILES_UPDATE, RESUME_UPDATE } from '../../src/shared/names.js';

export const appliedQuery = defineQuery<number>('applied');
export const releaseSignal = defineSignal('release');

/**
 * A pipeline with slow updates: `resume` completes after the signal `release`, and `addFiles` after the first run has ended.
 */
export async function postRunPipeline(run = 0): Promise<void> {
  let [applied, isReleased, hasFiles] = [0, false, false];
  setHandler(appliedQuery, () => applied);
  setHandler(releaseSignal, () => {
    isReleased = true;
  });
  setHandler(defineUpdate(RESUME_UPDATE), async () => {
    applied += 1;
    await condition(() => isReleased);
    return { files: applied, jobs: 0 };
  });
  setHandler(defineUpdate(ADD_FILES_UPDATE), async () => {
    hasFiles = true;
    await condition(() => run > 0);
    return { added: 1, known: 0 };
  });
  await condition(() => hasFiles);
  if (run === 0) await continueAsNew(run + 1);
  await condition(allHandlersFinished);
}
