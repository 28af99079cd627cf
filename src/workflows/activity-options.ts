import { type ActivityInterfaceFor, type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type { BctrlActivities } from '../activities/create-activities.js';
import type { Duration } from '../shared/duration.js';
import { finalClasses, type RetryTableOverrides, resolveRetryTable } from '../shared/retry-table.js';

/** A worker that died is noticed after this, and its work goes to another. */
const HEARTBEAT_TIMEOUT = '10s';

/** A job is waited for with fewer heartbeats: in Temporal Cloud each is billed. */
const WAIT_HEARTBEAT_TIMEOUT = '1m';

const DEFAULT_GIVE_UP_AFTER = '6h';
export const DEFAULT_WAIT_TIMEOUT = '24h';

export interface BctrlActivityOptions {
  /** How long a file is tried, whatever its failures (`scheduleToCloseTimeout`). Default: 6 hours. */
  readonly giveUpAfter?: Duration | undefined;
  /** The same overrides that the worker's activities were created with. */
  readonly retryTable?: RetryTableOverrides | undefined;
  /** The file has `appearsWithin`: its `not_found` must be retryable, the activity decides when it is final. */
  readonly mayAppear?: boolean | undefined;
  /** One line for the Temporal UI. */
  readonly summary?: string | undefined;
  /** Whose share of a busy task queue the activity takes, where the server knows fairness: at most 64 bytes. */
  readonly fairnessKey?: string | undefined;
}

/**
 * Activity options from the same table as the failures. The intervals are those of `upstream`: they only matter where no
 * failure names a delay, which is when the worker was lost.
 */
export function activityOptions(options: BctrlActivityOptions = {}): ActivityOptions {
  const table = resolveRetryTable(options.retryTable);
  const { initialInterval, backoffCoefficient, maximumInterval } = table.upstream;
  const nonRetryableErrorTypes = finalClasses(table).filter(
    (reasonClass) => !(options.mayAppear && reasonClass === 'not_found'),
  );
  return {
    scheduleToCloseTimeout: options.giveUpAfter ?? DEFAULT_GIVE_UP_AFTER,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    retry: { initialInterval, backoffCoefficient, maximumInterval, nonRetryableErrorTypes },
    // Nothing of a workflow that has ended as cancelled goes on.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    ...(options.summary !== undefined && { summary: options.summary }),
    ...(options.fairnessKey !== undefined && { priority: { fairnessKey: options.fairnessKey } }),
  };
}

/**
 * The same for `collectRuntimeFiles`. A batch goes through the task queue: handed straight back to the worker that has
 * just run the workflow task, all batches of a pipeline would keep one worker busy, and the others idle.
 */
export function batchActivityOptions(options: BctrlActivityOptions = {}): ActivityOptions {
  const { retry, ...others } = activityOptions(options);
  // An attempt fails only for files that are tried again, whatever their class.
  return { ...others, retry: { ...retry, nonRetryableErrorTypes: [] }, allowEagerDispatch: false };
}

/** Activity options for `waitForInvocation`. `giveUpAfter` bounds the wait; default: 24 hours. */
export function waitActivityOptions(options: BctrlActivityOptions = {}): ActivityOptions {
  return {
    ...activityOptions({ ...options, giveUpAfter: options.giveUpAfter ?? DEFAULT_WAIT_TIMEOUT }),
    heartbeatTimeout: WAIT_HEARTBEAT_TIMEOUT,
    // It changes nothing, and learns of its cancellation only after most of a minute.
    cancellationType: 'TRY_CANCEL',
  };
}

/** The activities, with the right retry policy for a workflow of one's own. */
export function proxyBctrlActivities(
  options: BctrlActivityOptions = {},
): ActivityInterfaceFor<BctrlActivities> {
  // A proxy of Temporal's answers to every name and lists none, so it cannot be spread.
  const { collectRuntimeFile, getActiveRun, exportRunFiles, stopRuntime, verifyCollectedFiles } =
    proxyActivities<BctrlActivities>(activityOptions(options));
  const { collectRuntimeFiles } = proxyActivities<BctrlActivities>(batchActivityOptions(options));
  const { waitForInvocation } = proxyActivities<BctrlActivities>(waitActivityOptions());
  return {
    collectRuntimeFile,
    collectRuntimeFiles,
    getActiveRun,
    exportRunFiles,
    stopRuntime,
    waitForInvocation,
    verifyCollectedFiles,
  };
}
