import { type ActivityInterfaceFor, type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type { BctrlActivities } from '../activities/create-activities.js';
import type { Duration } from '../shared/duration.js';
import { retryTable } from '../shared/retry-table.js';

/** A file's work moves to another worker this long after its own worker died. */
const HEARTBEAT_TIMEOUT = '10s';

/** A wait may take hours, and Temporal Cloud bills every heartbeat: here about 46 an hour. A worker that dies goes unnoticed for as long. */
const WAIT_HEARTBEAT_TIMEOUT = '2m';

/** Long enough to survive an outage of the API overnight. */
const DEFAULT_GIVE_UP_AFTER = '6h';

/** Longer than most jobs run. */
export const DEFAULT_WAIT_TIMEOUT = '24h';

/** Options of the bctrl activities. Temporal refuses a wrong one when the activity is scheduled. */
export interface BctrlActivityOptions {
  /**
   * How long an activity is retried, whatever its failures (`scheduleToCloseTimeout`). It does not bound `waitForInvocation`.
   * Default: 6 hours.
   */
  readonly giveUpAfter?: Duration | undefined;
  /** How long `waitForInvocation` waits for a job to end (`scheduleToCloseTimeout`). Default: 24 hours. */
  readonly waitTimeout?: Duration | undefined;
  /** The task queue of the workers that have the activities. Default: that of the workflow. */
  readonly taskQueue?: string | undefined;
  /** One line for the Temporal UI, at most 400 bytes of UTF-8. */
  readonly summary?: string | undefined;
  /** Shares a busy task queue fairly between the keys, if the server supports fairness. At most 64 bytes of UTF-8. */
  readonly fairnessKey?: string | undefined;
}

/**
 * Options for the activities. They list no `nonRetryableErrorTypes`: each failure says for itself whether and when it is
 * retried, by the retry table that the activities were created with. The intervals below apply only when no failure names
 * a delay, which is when a worker was lost.
 */
export function activityOptions(options: BctrlActivityOptions = {}): ActivityOptions {
  const { initialInterval, backoffCoefficient, maximumInterval } = retryTable.upstream;
  return {
    scheduleToCloseTimeout: options.giveUpAfter ?? DEFAULT_GIVE_UP_AFTER,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    retry: { initialInterval, backoffCoefficient, maximumInterval },
    // Wait for activities to finish cancelling before the workflow closes.
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    ...(options.taskQueue !== undefined && { taskQueue: options.taskQueue }),
    ...(options.summary !== undefined && { summary: options.summary }),
    ...(options.fairnessKey !== undefined && { priority: { fairnessKey: options.fairnessKey } }),
  };
}

/**
 * Options for `collectRuntimeFiles`. Eager dispatch is off: it would keep all batches of a pipeline on the worker that has
 * just run its workflow task, while other workers are idle.
 */
export function batchActivityOptions(options: BctrlActivityOptions = {}): ActivityOptions {
  return { ...activityOptions(options), allowEagerDispatch: false };
}

/** Options for `waitForInvocation`. */
export function waitActivityOptions(options: BctrlActivityOptions = {}): ActivityOptions {
  return {
    ...activityOptions({ ...options, giveUpAfter: options.waitTimeout ?? DEFAULT_WAIT_TIMEOUT }),
    heartbeatTimeout: WAIT_HEARTBEAT_TIMEOUT,
    // A wait changes nothing, and hears of its cancellation only at its next heartbeat.
    cancellationType: 'TRY_CANCEL',
  };
}

/**
 * The bctrl activities, each with the timeouts and the retry policy that it needs, for workflows of your own. `options` holds
 * for all of them.
 */
export function proxyBctrlActivities(
  options: BctrlActivityOptions = {},
): ActivityInterfaceFor<BctrlActivities> {
  // A Temporal proxy has every name and lists none, so it cannot be spread.
  const { collectRuntimeFile, getActiveRun, exportRunFiles, stopRuntime, verifyCollectedFiles } =
    proxyActivities<BctrlActivities>(activityOptions(options));
  const { collectRuntimeFiles } = proxyActivities<BctrlActivities>(batchActivityOptions(options));
  const { waitForInvocation } = proxyActivities<BctrlActivities>(waitActivityOptions(options));
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
