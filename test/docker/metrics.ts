import { type CollectEnd, metrics as described, NONE, toScrapedName } from '../../src/shared/metric-names.js';
import { reasonClasses } from '../../src/shared/reason-class.js';

export interface Metric {
  type: 'counter' | 'gauge' | 'histogram';
  /** With the values that a label may have, where they are known. */
  labels: Record<string, readonly string[] | 'any'>;
}

const labelValues: Record<string, readonly string[]> = {
  outcome: ['collected', 'found', 'kept', 'retried', 'failed'] satisfies CollectEnd[],
  reason_class: [...reasonClasses, NONE],
};

/** The worker's own, as scraped. */
const workerMetrics = Object.fromEntries(
  Object.values(described).map((metric) => {
    const labels = Object.fromEntries(
      metric.labels.map((name) => [name, labelValues[name] ?? ('any' as const)]),
    );
    return [toScrapedName(metric), { type: metric.kind, labels } satisfies Metric];
  }),
);

const perQueue = { namespace: 'any', task_queue: 'any' } as const;
const workerTypes = ['ActivityWorker', 'LocalActivityWorker', 'NexusWorker', 'WorkflowWorker'];

/** Of the SDK's, as scraped with countersTotalSuffix, unitSuffix and useSecondsForDurations, what is used. */
const sdkMetrics: Record<string, Metric> = {
  temporal_workflow_completed_total: {
    type: 'counter',
    labels: { ...perQueue, workflow_type: ['postRunPipeline', 'collectFile'] },
  },
  temporal_workflow_failed_total: {
    type: 'counter',
    labels: { ...perQueue, workflow_type: ['postRunPipeline', 'collectFile'] },
  },
  temporal_activity_schedule_to_start_latency_seconds: { type: 'histogram', labels: perQueue },
  temporal_num_pollers: { type: 'gauge', labels: { ...perQueue, poller_type: 'any' } },
  temporal_worker_task_slots_available: { type: 'gauge', labels: { ...perQueue, worker_type: workerTypes } },
  temporal_worker_task_slots_used: { type: 'gauge', labels: { ...perQueue, worker_type: workerTypes } },
};

/** What Prometheus makes itself. */
const prometheusMetrics: Record<string, Metric> = {
  up: { type: 'gauge', labels: {} },
  ALERTS: { type: 'gauge', labels: { alertname: 'any', alertstate: ['pending', 'firing'], severity: 'any' } },
};

const metrics: Record<string, Metric> = { ...workerMetrics, ...sdkMetrics, ...prometheusMetrics };

/** By the name of a series: those of a histogram have a suffix. */
export function findMetric(series: string): Metric | undefined {
  const [, histogram = '', suffix] = /^(.*)_(bucket|sum|count)$/.exec(series) ?? [];
  const metric = metrics[histogram];
  if (metric?.type === 'histogram') {
    return { type: 'counter', labels: { ...metric.labels, ...(suffix === 'bucket' && { le: 'any' }) } };
  }
  // A histogram has no series of its own name.
  return metrics[series]?.type === 'histogram' ? undefined : metrics[series];
}
