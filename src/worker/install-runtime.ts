import { lookup } from 'node:dns/promises';
import { type Logger, Runtime, type TelemetryOptions } from '@temporalio/worker';
import { ConfigError } from '../config-error.js';
import { COLLECT_DURATION_BUCKETS, metrics } from '../shared/metric-names.js';
import { formatAddress, type ListenAddress } from './address.js';

/**
 * Installs the SDK's runtime, which serves the metrics too: one of a process, before its first connection. Signals are
 * the executable's own.
 *
 * @throws ConfigError where the metrics cannot be served
 */
export async function installRuntime(
  logger: Logger,
  metricsAddress: ListenAddress | undefined,
): Promise<Runtime> {
  // The core's own lines go the same way.
  const logging = { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } as const;
  const options = { logger, shutdownSignals: [] };
  if (metricsAddress === undefined) return Runtime.install({ ...options, telemetryOptions: { logging } });
  try {
    const exporter = await toExporter(metricsAddress);
    return Runtime.install({ ...options, telemetryOptions: { logging, metrics: exporter } });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(
      `BCTRL_METRICS_ADDRESS: cannot listen on ${formatAddress(metricsAddress)} (${reason})`,
    );
  }
}

/** Names as Prometheus advises: `_total` for counters, seconds for durations, and the unit in the name. */
async function toExporter({ host, port }: ListenAddress): Promise<NonNullable<TelemetryOptions['metrics']>> {
  // The core takes no names.
  const { address } = await lookup(host);
  return {
    prometheus: {
      bindAddress: formatAddress({ host: address, port }),
      countersTotalSuffix: true,
      unitSuffix: true,
      useSecondsForDurations: true,
      histogramBucketOverrides: { [metrics.collectDuration.name]: COLLECT_DURATION_BUCKETS },
    },
  };
}
