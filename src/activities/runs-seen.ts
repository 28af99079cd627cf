import type { Info } from '@temporalio/activity';

/** Old ones no longer matter: their files have settled long ago. */
const MAXIMUM_RUNS = 10_000;

/** When this worker met each workflow run first, so that what a run has to wait for is waited for once and not by each activity. */
export class RunsSeen {
  readonly #firstSeenMs = new Map<string, number>();

  /** By `performance.now()`. */
  firstSeenMs({ workflowExecution, activityRunId = '' }: Info): number {
    const runId = workflowExecution?.runId ?? activityRunId;
    const known = this.#firstSeenMs.get(runId);
    if (known !== undefined) return known;
    const [oldest] = this.#firstSeenMs.keys();
    if (oldest !== undefined && this.#firstSeenMs.size >= MAXIMUM_RUNS) this.#firstSeenMs.delete(oldest);
    const nowMs = performance.now();
    this.#firstSeenMs.set(runId, nowMs);
    return nowMs;
  }
}
