interface MetricDescription {
  readonly kind: 'counter' | 'histogram';
  /** As a meter is given it. */
  readonly name: string;
  readonly unit?: 'seconds' | 'bytes';
  readonly labels: readonly string[];
  readonly help: string;
}

/** What is measured beside the SDK's own metrics. */
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
} as const satisfies Record<string, MetricDescription>;

/** Values of the label `outcome`. */
export type CollectEnd = 'collected' | 'found' | 'kept' | 'retried' | 'failed';

/** Value of the label `reason_class` where nothing failed. */
export const NONE = 'none';
