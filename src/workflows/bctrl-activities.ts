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

export interface CollectOptions {
  /** How long a file is tried, whatever its failures (`scheduleToCloseTimeout`). Default: 6 hours. */
  readonly giveUpAfter?: Duration | undefined;
  /** The same overrides that the worker's activities were created with. */
  readonly retryTable?: RetryTableOverrides | undefined;
  /** The file has `appearsWithin`: its `not_found` must be retryable, the activity decides when it is final. */
  readonly mayAppear?: boolean | undefined;
  /** One line for the Temporal UI. */
  readonly summary?: string | undefined;
}

/**
 * Activity options for all activities but the wait, from the same table as its failures. The intervals are those of
 * `upstream`: they only matter where no failure names a delay, which is when the worker was lost.
 */
export function collectOptions(options: CollectOptions = {}): ActivityOptions {
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
  };
}

/** Activity options for `waitForInvocation`. `timeout` bounds the wait; default: 24 hours. */
export function waitOptions(timeout: Duration = DEFAULT_WAIT_TIMEOUT, summary?: string): ActivityOptions {
  return {
    ...collectOptions({ giveUpAfter: timeout, summary }),
    heartbeatTimeout: WAIT_HEARTBEAT_TIMEOUT,
    // It changes nothing, and learns of its cancellation only after most of a minute.
    cancellationType: 'TRY_CANCEL',
  };
}

/** The activities, with the right retry policy for a workflow of one's own. */
export function proxyBctrlActivities(options: CollectOptions = {}): ActivityInterfaceFor<BctrlActivities> {
  // A proxy of Temporal's answers to every name and lists none, so it cannot be spread.
  const { collectRuntimeFile, getActiveRun, exportRunFiles, stopRuntime } = proxyActivities<BctrlActivities>(
    collectOptions(options),
  );
  const { waitForInvocation } = proxyActivities<BctrlActivities>(waitOptions());
  return { collectRuntimeFile, getActiveRun, exportRunFiles, stopRuntime, waitForInvocation };
}
