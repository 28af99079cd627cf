interface MetricDescription {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** As a meter is given it. */
  readonly name: string;
  readonly unit?: 'seconds' | 'bytes';
  readonly labels: readonly string[];
  readonly help: string;
}

/** What the worker measures beside the SDK's own metrics. */
export const metrics = {
  collects: {
    kind: 'counter',
    name: 'bctrl_collects',
    labels: ['outcome', 'reason_class'],
    help: 'Ends of collects, one for each file of each attempt that came to one',
  },
  collectDuration: {
    kind: 'histogram',
    name: 'bctrl_collect_duration',
    unit: 'seconds',
    labels: ['outcome', 'reason_class'],
    help: 'From the moment that a file is to be collected to the end of its request, its wait for a turn included',
  },
  collectedBytes: {
    kind: 'counter',
    name: 'bctrl_collected_bytes',
    unit: 'bytes',
    labels: [],
    help: 'Sizes of the files that were collected or found',
  },
  lookups: {
    kind: 'counter',
    name: 'bctrl_lookups',
    labels: [],
    help: 'Looks through the listing for files that may be there already, however many pages they take',
  },
  requests: {
    kind: 'counter',
    name: 'bctrl_requests',
    labels: ['operation', 'status'],
    help: 'HTTP requests that have ended; status none: no whole answer came',
  },
  requestsInFlight: {
    kind: 'gauge',
    name: 'bctrl_requests_in_flight',
    labels: ['operation'],
    help: 'HTTP requests under way; those of the operation wait do not count against BCTRL_MAX_REQUESTS',
  },
  rateLimitPause: {
    kind: 'counter',
    name: 'bctrl_rate_limit_pause_seconds',
    unit: 'seconds',
    labels: [],
    help: 'How long the Retry-After of rate limits has held all requests back',
  },
  heldPipelines: {
    kind: 'gauge',
    name: 'bctrl_held_pipelines',
    labels: [],
    help: 'Running pipelines of the namespace that wait for an operator',
  },
} as const satisfies Record<string, MetricDescription>;

/** Values of the label `outcome`. */
export type CollectEnd = 'collected' | 'found' | 'kept' | 'retried' | 'failed';

/** Value of the label `status` where no whole answer came, and of `reason_class` where nothing failed. */
export const NONE = 'none';

/** Upper bounds, in seconds: a small file of a fast API takes milliseconds, a request may take five minutes. */
export const COLLECT_DURATION_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
];

/** The name under which the worker's exporter shows a metric. */
export function toScrapedName({ kind, name, unit }: MetricDescription): string {
  if (kind === 'counter') return `${name}_total`;
  return kind === 'histogram' && unit !== undefined ? `${name}_${unit}` : name;
}
