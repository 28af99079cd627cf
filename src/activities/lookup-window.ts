import type { Info } from '@temporalio/activity';
import type { BctrlClient } from '../bctrl/bctrl-client.js';
import type { File } from '../shared/api-types.js';

/** Longer than a replicated listing usually lags behind, short enough not to slow down retries. */
export const DEFAULT_LIST_SETTLE_TIME = '5s';

/** An attempt waits this long in its activity slot, and the verification of a pipeline twice as long. */
export const MAX_LIST_SETTLE_TIME = '10m';

/** One operator keeps the clocks of the API's own machines, so they differ little. */
const STORAGE_CLOCK_SKEW_MS = 10_000;

/** The `Date` of a response may be that of a CDN, ahead of the clock by which files are created. */
const DATE_SKEW_MS = 60_000;

/** A `createdAt` this far ahead of the API's `Date` is a fault. Taken for real, it would hide every file from lookups. */
const MAX_AHEAD_MS = 10 * 60 * 1_000;

/** More runs than a worker has pending at a time. The files of older ones have been listed long ago. */
const MAX_RUNS = 10_000;

/**
 * How far back a lookup must read: no file that is requested from now on will be older. Only the API's clock counts, by the
 * newest `createdAt` that the API has shown, or by the `Date` of its responses before the first.
 */
export class CreatedAtWatermark {
  readonly #client: Pick<BctrlClient, 'apiTimeMs'>;
  #createdMs: number | undefined;

  constructor(client: Pick<BctrlClient, 'apiTimeMs'>) {
    this.#client = client;
  }

  observe({ createdAt = '' }: File): void {
    const createdMs = Date.parse(createdAt);
    const apiMs = this.#client.apiTimeMs ?? Date.now();
    if (!(createdMs <= apiMs + MAX_AHEAD_MS)) return;
    this.#createdMs = Math.max(this.#createdMs ?? 0, createdMs);
  }

  /** Milliseconds since the epoch; 0, before all files, while the API's clock is unknown. */
  get lookupFromMs(): number {
    if (this.#createdMs !== undefined) return this.#createdMs - STORAGE_CLOCK_SKEW_MS;
    return this.#client.apiTimeMs === undefined ? 0 : this.#client.apiTimeMs - DATE_SKEW_MS;
  }
}

/** What may have created files before an attempt. */
interface EarlierWork {
  /** The requests of a lost attempt ended with its lease, before this attempt began. */
  readonly previousAttemptLost: boolean;
  /** An earlier run of the workflow may have created files. */
  readonly checkExistingFirst: boolean;
  /** Another run of the workflow may create files until its next heartbeat. */
  readonly concurrentRun: boolean;
}

/** Tells when a lookup may start: once the API lists every file that was created before this attempt. */
export class ListSettling {
  /** How long `GET /v1/files` may take to show a file that was created. */
  readonly durationMs: number;
  /** By run id: each run waits once, and not once per activity. */
  readonly #firstSeenMs = new Map<string, number>();

  constructor(durationMs: number) {
    this.durationMs = durationMs;
  }

  /** When the listing shows all files that were created before an attempt, by `performance.now()`. */
  settledAtMs(info: Info, { previousAttemptLost, checkExistingFirst, concurrentRun }: EarlierWork): number {
    const nowMs = performance.now();
    const heartbeatTimeoutMs = info.heartbeatTimeoutMs ?? 0;
    if (this.durationMs === 0) return nowMs;
    // After a reset the attempts start at 1 again, while the attempt that was reset may still run.
    if (previousAttemptLost) return nowMs + (info.attempt === 1 ? heartbeatTimeoutMs : 0) + this.durationMs;
    // The delay before a retry already included this wait.
    if (!checkExistingFirst) return nowMs;
    return this.#getFirstSeenMs(info, nowMs) + (concurrentRun ? heartbeatTimeoutMs : 0) + this.durationMs;
  }

  #getFirstSeenMs({ workflowExecution, activityRunId = '' }: Info, nowMs: number): number {
    const runId = workflowExecution?.runId ?? activityRunId;
    const known = this.#firstSeenMs.get(runId);
    if (known !== undefined) return known;
    const [oldest] = this.#firstSeenMs.keys();
    if (oldest !== undefined && this.#firstSeenMs.size >= MAX_RUNS) this.#firstSeenMs.delete(oldest);
    this.#firstSeenMs.set(runId, nowMs);
    return nowMs;
  }
}
