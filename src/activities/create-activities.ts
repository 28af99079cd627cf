import type { BctrlClient } from '../bctrl/bctrl-client.js';
import { type RetryTableOverrides, resolveRetryTable } from '../shared/retry-table.js';
import { createCollectRuntimeFile } from './collect-runtime-file.js';
import { createCollectRuntimeFiles } from './collect-runtime-files.js';
import { createExportRunFiles } from './export-run-files.js';
import { createGetActiveRun } from './get-active-run.js';
import { NewestFile } from './newest-file.js';
import { createStopRuntime } from './stop-runtime.js';
import { createWaitForInvocation } from './wait-for-invocation.js';

export interface ActivitiesOptions {
  readonly client: BctrlClient;
  /** Rows laid over the reasonClass table, for all activities of the worker. */
  readonly retryTable?: RetryTableOverrides | undefined;
  /** Yields 0 ≤ x < 1, for the jitter of delays. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/**
 * The activities to register with a worker.
 *
 * @throws ZodError for a wrong row in `retryTable`
 */
export function createActivities({ client, retryTable, random = Math.random }: ActivitiesOptions) {
  const newest = new NewestFile();
  const dependencies = { client, retryTable: resolveRetryTable(retryTable), random, newest };
  return {
    collectRuntimeFile: createCollectRuntimeFile(dependencies),
    collectRuntimeFiles: createCollectRuntimeFiles(dependencies),
    exportRunFiles: createExportRunFiles(dependencies),
    getActiveRun: createGetActiveRun(dependencies),
    stopRuntime: createStopRuntime(dependencies),
    waitForInvocation: createWaitForInvocation(dependencies),
  };
}

export type BctrlActivities = ReturnType<typeof createActivities>;
