import type { ExportRunFilesInput } from '../shared/archive.js';
import type {
  CollectedFile,
  CollectRuntimeFileInput,
  CollectRuntimeFilesInput,
  VerifyCollectedFilesInput,
} from '../shared/collect.js';
import type { CollectOutcome, VerifiedFiles } from '../shared/collect-outcome.js';
import type { WaitForInvocationInput, WaitForInvocationResult } from '../shared/invocation.js';
import type { RuntimeInput } from '../shared/runtime-input.js';
import { createCollectRuntimeFile } from './collect-runtime-file.js';
import { createCollectRuntimeFiles } from './collect-runtime-files.js';
import { type ActivitiesOptions, createDependencies } from './dependencies.js';
import { createExportRunFiles } from './export-run-files.js';
import { createGetActiveRun } from './get-active-run.js';
import { createStopRuntime } from './stop-runtime.js';
import { createVerifyCollectedFiles } from './verify-collected-files.js';
import { createWaitForInvocation } from './wait-for-invocation.js';
import { WorkerShutdown } from './worker-shutdown.js';

/**
 * The activities, for `proxyActivities` and for mocks. Each fails with an ApplicationFailure that has the `reasonClass` as its
 * type and {@link FailureDetails} in `details[0]`. A wrong input is `invalid_input`, not retryable.
 */
export interface BctrlActivities {
  /** Copies one file of a runtime's workspace into durable storage, once, however many attempts it takes. */
  collectRuntimeFile(input: CollectRuntimeFileInput): Promise<CollectedFile>;
  /**
   * Copies up to 1,000 files, each of them once, with as many requests in flight as the client allows. It returns the outcomes in
   * the order of the files, and fails only while files are pending: a file that finally fails is an outcome.
   */
  collectRuntimeFiles(input: CollectRuntimeFilesInput): Promise<CollectOutcome[]>;
  /** Makes a zip of a run's files, once per idempotency key, and returns it. */
  exportRunFiles(input: ExportRunFilesInput): Promise<CollectedFile>;
  /** Returns the id of a runtime's active run. Fails with `conflict` and code `runtime.not_active` if there is none. */
  getActiveRun(input: RuntimeInput): Promise<string>;
  /** Stops a runtime. A runtime that is already stopped is a success, so it is safe to repeat. */
  stopRuntime(input: RuntimeInput): Promise<void>;
  /**
   * Looks once more for files whose outcome was unclear, after the listing has settled. It returns those that exist twice, and
   * those that failed and exist all the same.
   */
  verifyCollectedFiles(input: VerifyCollectedFilesInput): Promise<VerifiedFiles>;
  /** Waits until a job has ended, for hours if necessary, without growing the history. A job that failed is a result too. */
  waitForInvocation(input: WaitForInvocationInput): Promise<WaitForInvocationResult>;
}

/**
 * Creates the activities to register with a worker.
 *
 * @throws TypeError naming a wrong option
 */
export function createActivities(options: ActivitiesOptions): BctrlActivities {
  return createActivitiesOfWorker(options, new WorkerShutdown());
}

/** Creates activities that know when their worker stops. */
export function createActivitiesOfWorker(
  options: ActivitiesOptions,
  shutdown: WorkerShutdown,
): BctrlActivities {
  const dependenciesOf = createDependencies(options, shutdown);
  return {
    collectRuntimeFile: createCollectRuntimeFile(dependenciesOf),
    collectRuntimeFiles: createCollectRuntimeFiles(dependenciesOf),
    exportRunFiles: createExportRunFiles(dependenciesOf),
    getActiveRun: createGetActiveRun(dependenciesOf),
    stopRuntime: createStopRuntime(dependenciesOf),
    verifyCollectedFiles: createVerifyCollectedFiles(dependenciesOf),
    waitForInvocation: createWaitForInvocation(dependenciesOf),
  };
}
