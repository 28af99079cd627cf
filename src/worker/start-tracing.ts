import { setTimeout as sleep } from 'node:timers/promises';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { envDetectorSync, Resource } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry';
import type { Logger, WorkerPlugin } from '@temporalio/worker';
import type { TracingConfig } from '../config.js';
import { version } from '../version.js';

export interface Tracing {
  readonly plugin: WorkerPlugin;
  /** Exports the remaining spans, in bounded time. */
  close(): Promise<void>;
}

/** A collector that is away must not delay the worker's end. */
const CLOSE_TIMEOUT_MS = 3_000;

/** Traces the workflows and activities of this process. Nothing else loads OpenTelemetry, so this module is imported on demand. */
export function startTracing({ url, serviceName }: TracingConfig, logger: Logger): Tracing {
  const report = (problem: string) => logger.warn('tracing', { problem });
  const silent = () => {};
  const diagnostics = { error: report, warn: silent, info: silent, debug: silent, verbose: silent };
  diag.setLogger(diagnostics, DiagLogLevel.ERROR);

  const service = new Resource({ 'service.name': serviceName, 'service.version': version });
  const resource = envDetectorSync.detect().merge(service);
  const spanProcessor = new BatchSpanProcessor(new OTLPTraceExporter({ url }));
  const provider = new BasicTracerProvider({ resource, spanProcessors: [spanProcessor] });
  provider.register({ contextManager: new AsyncLocalStorageContextManager().enable() });
  return {
    plugin: new OpenTelemetryPlugin({ resource, spanProcessor }),
    close: async () => {
      const closed = provider.shutdown().catch((error: unknown) => report(String(error)));
      await Promise.race([closed, sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
    },
  };
}
