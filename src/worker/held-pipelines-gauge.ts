import type { Client } from '@temporalio/client';
import type { MetricMeter } from '@temporalio/common';
import { metrics } from '../shared/metric-names.js';
import { visibilityQuery } from '../shared/search-attributes.js';

/** Operators react within minutes, and each count is a query to Temporal's visibility store. */
const INTERVAL_MS = 30_000;

const HELD = visibilityQuery({ phase: 'held', running: true });

/**
 * Counts the held pipelines of the namespace now and every 30 seconds. The gauge keeps its value, and is absent at
 * first, while the count fails: no visibility, or no search attribute.
 *
 * @returns stops it
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
