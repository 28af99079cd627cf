import type { Client } from '@temporalio/client';
import type { MetricMeter } from '@temporalio/common';
import { metrics } from '../shared/metric-names.js';
import { visibilityQuery } from '../shared/visibility-query.js';

/** Operators mend within minutes; each count is one query to Temporal's visibility. */
const INTERVAL_MS = 30_000;

const HELD = visibilityQuery({ phase: 'held', running: true });

/**
 * Counts the held pipelines of the namespace, at once and from time to time. Where the search attribute is not registered,
 * or visibility does not answer, the gauge stays as it is, at first absent.
 *
 * @returns ends it
 */
export function startHeldPipelinesGauge(client: Client, meter: MetricMeter): () => void {
  const { name, help } = metrics.heldPipelines;
  const gauge = meter.createGauge(name, 'int', undefined, help);
  const count = async () => {
    const held = await client.workflow.count(HELD).catch(() => undefined);
    if (held !== undefined) gauge.set(held.count);
  };
  void count();
  const timer = setInterval(count, INTERVAL_MS).unref();
  return () => clearInterval(timer);
}
