import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Logger, WorkerPlugin } from '@temporalio/worker';
import { version } from '../version.js';

export interface TracingConfig {
  /** Of the collector's traces: OTLP over HTTP, as JSON. */
  readonly url: string;
  readonly serviceName: string;
}

export interface Tracing {
  readonly plugin: WorkerPlugin;
  /** The workflows, with interceptors that trace them. */
  readonly workflowBundle: { readonly codePath: string };
  /** Sends what is left, if the collector takes it in time. */
  close(): Promise<void>;
}

const codePath = fileURLToPath(new URL('../workflow-bundle.traced.js', import.meta.url));

/** A worker that is told to end should not wait longer for a collector that is away. */
const CLOSE_TIMEOUT_MS = 3_000;

/** Traces the workflows and activities of this process. It loads OpenTelemetry, which nothing else does. */
export async function startTracing({ url, serviceName }: TracingConfig, logger: Logger): Promise<Tracing> {
  const [api, { OTLPTraceExporter }, { envDetectorSync, Resource }, sdk, { OpenTelemetryPlugin }] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/sdk-trace-node'),
      import('@temporalio/interceptors-opentelemetry'),
    ]);
  const report = (problem: string) => logger.warn('tracing', { problem });
  const silent = () => {};
  const diagnostics = { error: report, warn: silent, info: silent, debug: silent, verbose: silent };
  api.diag.setLogger(diagnostics, api.DiagLogLevel.ERROR);

  const service = new Resource({ 'service.name': serviceName, 'service.version': version });
  const resource = envDetectorSync.detect().merge(service);
  const spanProcessor = new sdk.BatchSpanProcessor(new OTLPTraceExporter({ url }));
  const provider = new sdk.NodeTracerProvider({ resource, spanProcessors: [spanProcessor] });
  provider.register();
  return {
    plugin: new OpenTelemetryPlugin({ resource, spanProcessor }),
    workflowBundle: { codePath },
    close: async () => {
      const closed = provider.shutdown().catch((error: unknown) => report(String(error)));
      await Promise.race([closed, sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
    },
  };
}
