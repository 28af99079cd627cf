import type { BctrlClient } from '../bctrl/bctrl-client.js';
import { type Duration, durationToMs } from '../shared/duration.js';
import { type RetryTable, type RetryTableOverrides, resolveRetryTable } from '../shared/retry-table.js';
import { type AccountClients, type ByAccount, createByAccount } from './by-account.js';
import { InvocationPolls } from './invocation-polls.js';
import { TemporalConfirmation } from './lease.js';
import {
  CreatedAtWatermark,
  DEFAULT_LIST_SETTLE_TIME,
  ListSettling,
  MAX_LIST_SETTLE_TIME,
} from './lookup-window.js';
import type { WorkerShutdown } from './worker-shutdown.js';

/** Options of the activities, whatever the accounts. */
export interface CommonActivitiesOptions {
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

/** Options of the activities, with either `client` or `clients`. */
export type ActivitiesOptions = AccountClients & CommonActivitiesOptions;

/** What the activities of one account share. The retry table, the connection to Temporal and the worker are the same for all. */
export interface ActivityDependencies {
  readonly client: BctrlClient;
  readonly retryTable: RetryTable;
  /** Yields 0 ≤ x < 1, for the jitter of delays. */
  readonly random: () => number;
  readonly watermark: CreatedAtWatermark;
  readonly listSettling: ListSettling;
  readonly invocationPolls: InvocationPolls;
  readonly temporal: TemporalConfirmation;
  readonly shutdown: WorkerShutdown;
}

/** @throws TypeError for a wrong option */
export function createDependencies(
  {
    retryTable,
    listSettleTime = DEFAULT_LIST_SETTLE_TIME,
    random = Math.random,
    ...clients
  }: ActivitiesOptions,
  shutdown: WorkerShutdown,
): ByAccount<ActivityDependencies> {
  const temporal = new TemporalConfirmation();
  const shared = { retryTable: resolveRetryTable(retryTable), random, temporal, shutdown };
  const settleTimeMs = parseSettleTime(listSettleTime);
  return createByAccount(clients, (client) => ({
    ...shared,
    client,
    watermark: new CreatedAtWatermark(client),
    listSettling: new ListSettling(settleTimeMs),
    invocationPolls: new InvocationPolls(client),
  }));
}

/** @throws TypeError for a time out of range */
function parseSettleTime(listSettleTime: Duration): number {
  const ms = durationToMs(listSettleTime);
  if (ms >= 0 && ms <= durationToMs(MAX_LIST_SETTLE_TIME)) return ms;
  throw new TypeError(`listSettleTime must be a duration such as "5s", at most ${MAX_LIST_SETTLE_TIME}`);
}
