import type { MetricMeter } from '@temporalio/common';
import type { BctrlClientHooks, BctrlOperation } from './bctrl/client-hooks.js';
import { metrics, NONE } from './shared/metric-names.js';

/** One call into the SDK's core per request would cost more than all other counting together. */
const FLUSH_INTERVAL_MS = 100;

/** What happened since the last flush. */
interface OperationCounts {
  /** Requests sent minus requests ended. */
  inFlight: number;
  /** Requests ended, by status. */
  readonly ended: Map<number | undefined, number>;
}

/** Metrics of a BctrlClient. Pass them as its `hooks`; they count at once and report once there is a meter. */
export class ClientMetrics implements BctrlClientHooks {
  #instruments: ReturnType<typeof createInstruments> | undefined;
  #flushTimer: NodeJS.Timeout | undefined;
  readonly #operations = new Map<BctrlOperation, OperationCounts>();
  #rateLimitPauseMs = 0;

  /** Starts to report to a meter, such as the `metricMeter` of the SDK's Runtime. */
  setMeter(meter: MetricMeter): void {
    this.#instruments = createInstruments(meter);
    this.#flushSoon();
  }

  /** Counts a request in flight. */
  onRequest(operation: BctrlOperation): void {
    this.#getCounts(operation).inFlight += 1;
    this.#flushSoon();
  }

  /** Counts the end of a request, by its status. */
  onResponse(operation: BctrlOperation, status: number | undefined): void {
    const counts = this.#getCounts(operation);
    counts.inFlight -= 1;
    counts.ended.set(status, (counts.ended.get(status) ?? 0) + 1);
    this.#flushSoon();
  }

  /** Adds up the time for which a rate limit has paused all requests. */
  onRateLimitPause(durationMs: number): void {
    this.#rateLimitPauseMs += durationMs;
    this.#flushSoon();
  }

  #getCounts(operation: BctrlOperation): OperationCounts {
    const known = this.#operations.get(operation);
    if (known !== undefined) return known;
    const counts = { inFlight: 0, ended: new Map() };
    this.#operations.set(operation, counts);
    return counts;
  }

  #flushSoon(): void {
    if (this.#instruments === undefined) return;
    this.#flushTimer ??= setTimeout(() => this.#flush(), FLUSH_INTERVAL_MS).unref();
  }

  #flush(): void {
    this.#flushTimer = undefined;
    if (this.#instruments === undefined) return;
    const { requests, requestsInFlight, rateLimitPause } = this.#instruments;
    for (const [operation, counts] of this.#operations) {
      requestsInFlight?.add(counts.inFlight, { operation });
      counts.inFlight = 0;
      for (const [status = NONE, count] of counts.ended) {
        requests.add(count, { operation, status: String(status) });
      }
      counts.ended.clear();
    }
    // The SDK's counters take whole numbers; the remainder stays for the next flush.
    const seconds = Math.max(Math.round(this.#rateLimitPauseMs / 1_000), 0);
    rateLimitPause.add(seconds);
    this.#rateLimitPauseMs -= seconds * 1_000;
  }
}

function createInstruments(meter: MetricMeter) {
  const { requests, requestsInFlight, rateLimitPause } = metrics;
  return {
    requests: meter.createCounter(requests.name, undefined, requests.help),
    // Optional in the SDK's interface.
    requestsInFlight: meter.createUpDownCounter?.(requestsInFlight.name, undefined, requestsInFlight.help),
    rateLimitPause: meter.createCounter(rateLimitPause.name, rateLimitPause.unit, rateLimitPause.help),
  };
}
