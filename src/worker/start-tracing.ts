import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Logger, WorkerPlugin } from '@temporalio/worker';
import type { TracingConfig } from '../config.js';
import { version } from '../version.js';

export interface Tracing {
  readonly plugin: WorkerPlugin;
  /** The workflows, bundled with tracing interceptors. */
  readonly workflowBundle: { readonly codePath: string };
  /** Exports the remaining spans, in bounded time. */
  close(): Promise<void>;
}

const codePath = fileURLToPath(new URL('../workflow-bundle.traced.js', import.meta.url));

/** A collector that is away must not delay the worker's end. */
const CLOSE_TIMEOUT_MS = 3_000;

/** Traces the workflows and activities of this process. Nothing else loads OpenTelemetry. */
export async function startTracing({ url, serviceName }: TracingConfig, logger: Logger): Promise<Tracing> {
  const [
    api,
    { AsyncLocalStorageContextManager },
    { OTLPTraceExporter },
    { envDetectorSync, Resource },
    { BasicTracerProvider, BatchSpanProcessor },
    { OpenTelemetryPlugin },
  ] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/context-async-hooks'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/sdk-trace-base'),
    import('@temporalio/interceptors-opentelemetry'),
  ]);
  const report = (problem: string) => logger.warn('tracing', { problem });
  const silent = () => {};
  const diagnostics = { error: report, warn: silent, info: silent, debug: silent, verbose: silent };
  api.diag.setLogger(diagnostics, api.DiagLogLevel.ERROR);

  const service = new Resource({ 'service.name': serviceName, 'service.version': version });
  const resource = envDetectorSync.detect().merge(service);
  const spanProcessor = new BatchSpanProcessor(new OTLPTraceExporter({ url }));
  const provider = new BasicTracerProvider({ resource, spanProcessors: [spanProcessor] });
  provider.register({ contextManager: new AsyncLocalStorageContextManager().enable() });
  return {
    plugin: new OpenTelemetryPlugin({ resource, spanProcessor }),
    workflowBundle: { codePath },
    close: async () => {
      const closed = provider.shutdown().catch((error: unknown) => report(String(error)));
      await Promise.race([closed, sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
    },
  };
}
