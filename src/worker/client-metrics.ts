import type { MetricMeter, MetricTags } from '@temporalio/common';
import type { BctrlClientHooks, BctrlOperation } from '../bctrl/client-hooks.js';
import { metrics, NONE } from '../shared/metric-names.js';

/** Counts wait so long: a call into the SDK's core for each request would cost more than all other counting together. */
const FLUSH_INTERVAL_MS = 100;

type Add = (value: number, tags?: MetricTags) => void;

interface Instruments {
  readonly requests: Add;
  readonly inFlight: Add;
  readonly onRateLimitPause: Add;
}

interface OperationCounts {
  /** Since the last flush: sent, less those that have ended. */
  inFlight: number;
  readonly ended: Map<number | undefined, number>;
}

/** The metrics of an API client, as its observer. They begin to count at once, and are told once there is a meter. */
export class ClientMetrics implements BctrlClientHooks {
  #instruments: Instruments | undefined;
  #flushing: NodeJS.Timeout | undefined;
  readonly #operations = new Map<BctrlOperation, OperationCounts>();
  #heldBackMs = 0;

  /** Tells them to a meter, that of the SDK's runtime for instance, from now on. */
  setMeter(meter: MetricMeter): void {
    this.#instruments = createInstruments(meter);
    this.#flushSoon();
  }

  onRequest(operation: BctrlOperation): void {
    this.#countsOf(operation).inFlight += 1;
    this.#flushSoon();
  }

  onResponse(operation: BctrlOperation, status: number | undefined): void {
    const counts = this.#countsOf(operation);
    counts.inFlight -= 1;
    counts.ended.set(status, (counts.ended.get(status) ?? 0) + 1);
    this.#flushSoon();
  }

  onRateLimitPause(durationMs: number): void {
    this.#heldBackMs += durationMs;
    this.#flushSoon();
  }

  #countsOf(operation: BctrlOperation): OperationCounts {
    const known = this.#operations.get(operation);
    if (known !== undefined) return known;
    const counts = { inFlight: 0, ended: new Map() };
    this.#operations.set(operation, counts);
    return counts;
  }

  #flushSoon(): void {
    if (this.#instruments === undefined) return;
    this.#flushing ??= setTimeout(() => this.#flush(), FLUSH_INTERVAL_MS).unref();
  }

  #flush(): void {
    this.#flushing = undefined;
    if (this.#instruments === undefined) return;
    const { requests, inFlight, onRateLimitPause } = this.#instruments;
    for (const [operation, counts] of this.#operations) {
      inFlight(counts.inFlight, { operation });
      counts.inFlight = 0;
      for (const [status = NONE, count] of counts.ended)
        requests(count, { operation, status: String(status) });
      counts.ended.clear();
    }
    // The SDK's counters are whole numbers; what was rounded is made up for the next time.
    const seconds = Math.max(Math.round(this.#heldBackMs / 1_000), 0);
    onRateLimitPause(seconds);
    this.#heldBackMs -= seconds * 1_000;
  }
}

function createInstruments(meter: MetricMeter): Instruments {
  const { requests, requestsInFlight, rateLimitPause } = metrics;
  const requestCounter = meter.createCounter(requests.name, undefined, requests.help);
  // A meter that cannot count down, which the interface allows for, goes without.
  const inFlightCounter = meter.createUpDownCounter?.(
    requestsInFlight.name,
    undefined,
    requestsInFlight.help,
  );
  const heldBackCounter = meter.createCounter(rateLimitPause.name, rateLimitPause.unit, rateLimitPause.help);
  return {
    requests: (value, tags) => requestCounter.add(value, tags),
    inFlight: (value, tags) => inFlightCounter?.add(value, tags),
    onRateLimitPause: (value) => heldBackCounter.add(value),
  };
}
