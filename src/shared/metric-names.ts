interface MetricDescription {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** As passed to the meter; the exporter adds a suffix. */
  readonly name: string;
  readonly unit?: 'seconds' | 'bytes';
  readonly labels: readonly string[];
  readonly help: string;
}

/** The worker's metrics, beside the SDK's own. */
export const metrics = {
  collects: {
    kind: 'counter',
    name: 'bctrl_collects',
    labels: ['outcome', 'reason_class'],
    help: 'Outcomes of collects, one per file and attempt',
  },
  collectDuration: {
    kind: 'histogram',
    name: 'bctrl_collect_duration',
    unit: 'seconds',
    labels: ['outcome', 'reason_class'],
    help: 'From when a file is due until its request ends, including the wait for a free request slot',
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
    help: 'Lookups of files that may exist already; one lookup may read many pages',
  },
  requests: {
    kind: 'counter',
    name: 'bctrl_requests',
    labels: ['operation', 'status'],
    help: 'HTTP requests that ended; status none: no complete response arrived',
  },
  requestsInFlight: {
    kind: 'gauge',
    name: 'bctrl_requests_in_flight',
    labels: ['operation'],
    help: 'HTTP requests in flight; those of the operation wait do not count against BCTRL_MAX_REQUESTS',
  },
  rateLimitPause: {
    kind: 'counter',
    name: 'bctrl_rate_limit_pause_seconds',
    unit: 'seconds',
    labels: [],
    help: 'How long the Retry-After of rate limits paused all requests',
  },
  heldPipelines: {
    kind: 'gauge',
    name: 'bctrl_held_pipelines',
    labels: [],
    help: 'Running pipelines of the namespace that wait for an operator',
  },
} as const satisfies Record<string, MetricDescription>;

/** Values of the label `outcome`. */
export type CollectMetricOutcome = 'collected' | 'found' | 'kept' | 'retried' | 'failed';

/** Value of the label `status` without a complete response, and of `reason_class` without a failure. */
export const NONE = 'none';

/** Upper bounds in seconds. A small file takes milliseconds with a fast API; a request may take five minutes. */
export const COLLECT_DURATION_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
];

/** The name of a metric in what the worker exports to Prometheus. */
export function toScrapedName({ kind, name, unit }: MetricDescription): string {
  if (kind === 'counter') return `${name}_total`;
  return kind === 'histogram' && unit !== undefined ? `${name}_${unit}` : name;
}
