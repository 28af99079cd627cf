import { createCollectRuntimeFile } from './collect-runtime-file.js';
import { createCollectRuntimeFiles } from './collect-runtime-files.js';
import { type ActivitiesOptions, createDependencies } from './dependencies.js';
import { createExportRunFiles } from './export-run-files.js';
import { createGetActiveRun } from './get-active-run.js';
import { createStopRuntime } from './stop-runtime.js';
import { createVerifyCollectedFiles } from './verify-collected-files.js';
import { createWaitForInvocation } from './wait-for-invocation.js';

/**
 * Creates the activities to register with a worker.
 *
 * @throws ZodError for an invalid row in `retryTable`, TypeError for an invalid `listSettleTime`
 */
export function createActivities(options: ActivitiesOptions) {
  const dependencies = createDependencies(options);
  return {
    collectRuntimeFile: createCollectRuntimeFile(dependencies),
    collectRuntimeFiles: createCollectRuntimeFiles(dependencies),
    exportRunFiles: createExportRunFiles(dependencies),
    getActiveRun: createGetActiveRun(dependencies),
    stopRuntime: createStopRuntime(dependencies),
    verifyCollectedFiles: createVerifyCollectedFiles(dependencies),
    waitForInvocation: createWaitForInvocation(dependencies),
  };
}

export type BctrlActivities = ReturnType<typeof createActivities>;
