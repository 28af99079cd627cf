import { lookup } from 'node:dns/promises';
import { type Logger, Runtime, type TelemetryOptions } from '@temporalio/worker';
import { ConfigError } from '../exit.js';
import { formatAddress, type ListenAddress } from '../listen-address.js';
import { toMessage } from '../shared/display-text.js';
import { COLLECT_DURATION_BUCKETS, metrics } from '../shared/metric-names.js';

/**
 * Installs the SDK's Runtime, which also serves the metrics. A process has one Runtime, which must be installed before
 * the first connection.
 *
 * @throws ConfigError if it cannot listen on the metrics address
 */
export async function installRuntime(
  logger: Logger,
  metricsAddress: ListenAddress | undefined,
): Promise<Runtime> {
  // Forwards the core's log lines to the logger.
  const logging = { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } as const;
  // The executable handles signals itself.
  const options = { logger, shutdownSignals: [] };
  if (metricsAddress === undefined) return Runtime.install({ ...options, telemetryOptions: { logging } });
  try {
    const exporter = await toExporter(metricsAddress);
    return Runtime.install({ ...options, telemetryOptions: { logging, metrics: exporter } });
  } catch (error) {
    const where = formatAddress(metricsAddress);
    throw new ConfigError(`BCTRL_METRICS_ADDRESS: cannot listen on ${where} (${toMessage(error)})`);
  }
}

/** Names metrics as Prometheus advises: `_total` for counters, seconds for durations, the unit in the name. */
async function toExporter({ host, port }: ListenAddress): Promise<NonNullable<TelemetryOptions['metrics']>> {
  // The core takes IP addresses only.
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
