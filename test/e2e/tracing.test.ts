import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { POST_RUN_PIPELINE } from '../../src/shared/names.js';
import { startServer } from '../support/client.js';
import { useDevServerEnv } from '../support/dev-server.js';
import { createTestFolder, startTestGateway } from '../support/gateway.js';
import { workflowBundle } from '../support/temporal.js';
import { startWorkerProcess } from '../support/worker-process.js';

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
}

/** The fields of an OTLP export that the tests read. */
interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { key: string; value: { stringValue: string } }[] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

const require = createRequire(import.meta.url);
const WORKFLOWS_PATH = fileURLToPath(new URL('../../dist/workflows/index.js', import.meta.url));

const env = useDevServerEnv();

/** Runs a pipeline on its own worker until both have ended. */
async function runPipeline(t: TestContext, workflowId: string, variables: Record<string, string>) {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a.txt');
  const { runtimeId } = gateway;
  const coverage = await createTestFolder(t);
  const worker = await startWorkerProcess(t, {
    address: env().address,
    gatewayUrl: gateway.url,
    taskQueue: runtimeId,
    env: { ...variables, NODE_V8_COVERAGE: coverage },
  });
  const client = new Client({ connection: env().connection });
  const input = { runtimeId, files: [{ runtimePath: 'a.txt' }] };
  const options = { taskQueue: runtimeId, workflowId, args: [input] };
  const handle = await client.workflow.start(POST_RUN_PIPELINE, options);
  await handle.result();
  worker.child.kill('SIGTERM');
  const { code, stderr } = await worker.ended;
  assert.equal(code, 0, stderr);
  return { handle, stderr, modules: await modulesIn(coverage) };
}

/** Returns the names of all scripts that a process has run, from its coverage data. */
async function modulesIn(folder: string): Promise<string[]> {
  const files = await readdir(folder);
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  const scripts = texts.flatMap((text) => JSON.parse(text).result as { url: string }[]);
  return scripts.map(({ url }) => url);
}

/** Whether a script is of OpenTelemetry, or a file of the build that contains it: a bundle names its sources in comments. */
function isOpenTelemetry(url: string): boolean {
  if (/node_modules\/.*opentelemetry/.test(url)) return true;
  return (
    url.includes('/dist/') && /^\/\/ node_modules\/.*opentelemetry/m.test(readFileSync(new URL(url), 'utf8'))
  );
}

test('workflow and activity of a run are spans of one trace', async (t) => {
  const exports: Export[] = [];
  const collector = await startServer(t, async (request, response) => {
    assert.equal(request.url, '/v1/traces');
    exports.push(JSON.parse(Buffer.concat(await request.toArray()).toString()));
    response.end('{}');
  });
  const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: collector, OTEL_SERVICE_NAME: 'files' };
  const { handle, modules } = await runPipeline(t, 'traced', variables);

  const resources = exports.flatMap(({ resourceSpans }) => resourceSpans);
  const spans = resources.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
  const named = (name: string) => spans.find((span) => span.name === name);
  const workflow = named('RunWorkflow:postRunPipeline');
  const scheduled = named('StartActivity:collectRuntimeFile');
  const activity = named('RunActivity:collectRuntimeFile');
  assert.ok(workflow && scheduled && activity, `${spans.map(({ name }) => name)}`);
  assert.equal(scheduled.parentSpanId, workflow.spanId);
  assert.equal(activity.parentSpanId, scheduled.spanId);
  assert.deepEqual(new Set(spans.map(({ traceId }) => traceId)), new Set([workflow.traceId]));
  for (const { resource } of resources) {
    const { key: _, value } = resource.attributes.find(({ key }) => key === 'service.name') ?? {};
    assert.equal(value?.stringValue, 'files');
  }
  assert.ok(modules.some(isOpenTelemetry));

  await t.test('a worker that does not trace can continue the pipeline', async () => {
    await Worker.runReplayHistory({ workflowBundle: workflowBundle() }, await handle.fetchHistory());
  });
});

test('an unreachable collector is logged, and delays nothing', async (t) => {
  const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };
  const { stderr } = await runPipeline(t, 'untold', variables);
  assert.match(stderr, /"level":"warn",.*"problem":".*ECONNREFUSED.*"msg":"tracing"/);
});

test('without a collector nothing of OpenTelemetry is loaded', async (t) => {
  const { handle, modules } = await runPipeline(t, 'untraced', {});
  assert.ok(modules.some((url) => url.endsWith('dist/worker.js')));
  assert.deepEqual(modules.filter(isOpenTelemetry), []);

  await t.test('a worker that traces can continue its pipelines', async () => {
    const sinks = { exporter: { export: { fn: () => {}, callDuringReplay: false } } };
    const workflowModules = [
      require.resolve('@temporalio/interceptors-opentelemetry/lib/workflow-interceptors'),
    ];
    await Worker.runReplayHistory(
      { workflowsPath: WORKFLOWS_PATH, interceptors: { workflowModules }, sinks },
      await handle.fetchHistory(),
    );
  });
});
