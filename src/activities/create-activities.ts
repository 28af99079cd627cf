import type { BctrlClient } from '../bctrl/bctrl-client.js';
import { DEFAULT_LIST_SETTLE_TIME, MAX_LIST_SETTLE_TIME } from '../bctrl/client-options.js';
import { type Duration, durationToMs } from '../shared/duration.js';
import { type RetryTableOverrides, resolveRetryTable } from '../shared/retry-table.js';
import { createCollectRuntimeFile } from './collect-runtime-file.js';
import { createCollectRuntimeFiles } from './collect-runtime-files.js';
import { createExportRunFiles } from './export-run-files.js';
import { createGetActiveRun } from './get-active-run.js';
import { TemporalConfirmation } from './lease.js';
import { CreatedAtWatermark, ListSettling } from './lookup-window.js';
import { createStopRuntime } from './stop-runtime.js';
import { createVerifyCollectedFiles } from './verify-collected-files.js';
import { createWaitForInvocation } from './wait-for-invocation.js';

export interface ActivitiesOptions {
  readonly client: BctrlClient;
  /** Overrides of rows of the reasonClass table, for all activities of the worker. */
  readonly retryTable?: RetryTableOverrides | undefined;
  /**
   * How long `GET /v1/files` may take to show a file that was created. A collect with an unclear outcome waits this long before
   * it looks for the file and sends another request. 0: the listing shows every file at once. Default: 5 seconds; at most 10
   * minutes.
   */
  readonly listSettleTime?: Duration | undefined;
  /** Yields 0 ≤ x < 1, for the jitter of delays. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/**
 * Creates the activities to register with a worker.
 *
 * @throws ZodError for an invalid row in `retryTable`, TypeError for an invalid `listSettleTime`
 */
export function createActivities({
  client,
  retryTable,
  listSettleTime = DEFAULT_LIST_SETTLE_TIME,
  random = Math.random,
}: ActivitiesOptions) {
  const dependencies = {
    client,
    retryTable: resolveRetryTable(retryTable),
    random,
    watermark: new CreatedAtWatermark(client),
    listSettling: new ListSettling(parseSettleTime(listSettleTime)),
    temporal: new TemporalConfirmation(),
  };
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

/** @throws TypeError for a time out of range */
function parseSettleTime(listSettleTime: Duration): number {
  const ms = durationToMs(listSettleTime);
  if (ms >= 0 && ms <= durationToMs(MAX_LIST_SETTLE_TIME)) return ms;
  throw new TypeError(`listSettleTime must be a duration such as "5s", at most ${MAX_LIST_SETTLE_TIME}`);
}

export type BctrlActivities = ReturnType<typeof createActivities>;
