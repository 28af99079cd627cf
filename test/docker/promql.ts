import { parser } from '@prometheus-io/lezer-promql';
import {
  type CollectMetricOutcome,
  metrics as described,
  NONE,
  toScrapedName,
} from '../../src/shared/metric-names.js';
import { reasonClasses } from '../../src/shared/reason-class.js';

interface Metric {
  type: 'counter' | 'gauge' | 'histogram';
  /** The values of each label, where they are known. */
  labels: Record<string, readonly string[] | 'any'>;
}

const labelValues: Record<string, readonly string[]> = {
  outcome: ['collected', 'found', 'kept', 'retried', 'failed'] satisfies CollectMetricOutcome[],
  reason_class: [...reasonClasses, NONE],
};

const workerMetrics: [string, Metric][] = Object.values(described).map((metric) => {
  const labels = metric.labels.map((name) => [name, labelValues[name] ?? 'any']);
  return [toScrapedName(metric), { type: metric.kind, labels: Object.fromEntries(labels) }];
});

const perQueue = { namespace: 'any', task_queue: 'any' } as const;
const perRequestFailure = {
  namespace: 'any',
  operation: 'any',
  status_code: ['RESOURCE_EXHAUSTED'],
} as const;
const perWorkflow = { ...perQueue, workflow_type: ['postRunPipeline', 'collectFile'] };
const workerTypes = ['ActivityWorker', 'LocalActivityWorker', 'NexusWorker', 'WorkflowWorker'];

/** Of the SDK's Core, `FailureReason` in its `telemetry/metrics.rs`. */
const workflowTaskFailures = [
  'NonDeterminismError',
  'WorkflowError',
  'GrpcMessageTooLarge',
  'RequestTooLarge',
  'PayloadsTooLarge',
];

const metrics: Record<string, Metric> = {
  ...Object.fromEntries(workerMetrics),
  // The SDK's metrics that we use, scraped with countersTotalSuffix, unitSuffix and useSecondsForDurations.
  temporal_workflow_completed_total: { type: 'counter', labels: perWorkflow },
  temporal_workflow_failed_total: { type: 'counter', labels: perWorkflow },
  temporal_activity_schedule_to_start_latency_seconds: { type: 'histogram', labels: perQueue },
  temporal_workflow_task_schedule_to_start_latency_seconds: { type: 'histogram', labels: perQueue },
  temporal_workflow_task_execution_failed_total: {
    type: 'counter',
    labels: { ...perWorkflow, failure_reason: workflowTaskFailures },
  },
  temporal_request_failure_total: { type: 'counter', labels: perRequestFailure },
  temporal_long_request_failure_total: { type: 'counter', labels: perRequestFailure },
  temporal_num_pollers: { type: 'gauge', labels: { ...perQueue, poller_type: 'any' } },
  temporal_worker_task_slots_available: { type: 'gauge', labels: { ...perQueue, worker_type: workerTypes } },
  temporal_worker_task_slots_used: { type: 'gauge', labels: { ...perQueue, worker_type: workerTypes } },
  // Prometheus makes these itself.
  up: { type: 'gauge', labels: {} },
  ALERTS: { type: 'gauge', labels: { alertname: 'any', alertstate: ['pending', 'firing'], severity: 'any' } },
};

/** Prometheus adds them when it scrapes. */
const SCRAPE_LABELS = ['job', 'instance'];

/** Returns the problems of a PromQL expression: invalid syntax, and metrics, labels and values that do not exist. */
export function checkPromql(expression: string): string[] {
  const problems: string[] = [];
  const available = new Set<string>(SCRAPE_LABELS);
  let labels: Metric['labels'] = {};
  let label = '';
  let inRange = false;
  parser.parse(expression).iterate({
    enter({ name, from, to, type, node }) {
      const text = expression.slice(from, to);
      const parent = node.parent?.name;
      if (type.isError) problems.push(`syntax, at ${JSON.stringify(expression.slice(from))}`);
      if (name === 'MatrixSelector') inRange = true;
      if (name === 'Identifier' && parent === 'VectorSelector') {
        const metric = findMetric(text);
        if (!metric) problems.push(`there is no metric ${text}`);
        else if ((metric.type === 'counter') !== inRange) {
          problems.push(`${text} is a ${metric.type}${inRange ? '' : ' and needs its rate'}`);
        }
        labels = metric?.labels ?? {};
        for (const known of Object.keys(labels)) available.add(known);
      }
      if (name === 'LabelName' && parent === 'UnquotedLabelMatcher') {
        label = text;
        if (!(text in labels || SCRAPE_LABELS.includes(text))) problems.push(`no label ${text}`);
      }
      if (name === 'StringLiteral' && parent === 'UnquotedLabelMatcher') {
        const values = labels[label] ?? 'any';
        const unknown = text
          .slice(1, -1)
          .split('|')
          .filter((value) => values !== 'any' && !values.includes(value));
        problems.push(...unknown.map((value) => `${label} is never ${value}`));
      }
    },
    leave({ name }) {
      if (name === 'MatrixSelector') inRange = false;
    },
  });
  const missing = groupingLabels(expression).filter((name) => !available.has(name));
  return [...problems, ...missing.map((name) => `no label ${name}`)];
}

/** The labels in the result of an aggregation. */
export function groupingLabels(expression: string): string[] {
  return [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/));
}

/** Finds the metric of a series. Each series of a histogram has a suffix. */
function findMetric(series: string): Metric | undefined {
  const [, histogram = '', suffix] = /^(.*)_(bucket|sum|count)$/.exec(series) ?? [];
  const metric = metrics[histogram];
  if (metric?.type === 'histogram') {
    return { type: 'counter', labels: { ...metric.labels, ...(suffix === 'bucket' && { le: 'any' }) } };
  }
  return metrics[series]?.type === 'histogram' ? undefined : metrics[series];
}
