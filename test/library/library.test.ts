import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker, type WorkerOptions } from '@temporalio/worker';
import {
  BctrlClient,
  BctrlPlugin,
  type BctrlPluginOptions,
  createEncryption,
  type PipelineReport,
  readReport,
} from 'bctrl-temporal';
import { API_KEY, startTestGateway } from '../support/gateway.js';
import { storedText } from '../support/stored-text.js';
import { createTimeSkippingEnv } from '../support/temporal.js';

const workflowsFile = new URL('./workflows.ts', import.meta.url);

let env: TestWorkflowEnvironment;
before(async () => {
  env = await createTimeSkippingEnv();
});
after(() => env.teardown());

/** A user's worker with the plugin, and a runtime whose job has written a file. */
async function setUp(
  t: TestContext,
  options: Pick<BctrlPluginOptions, 'workflows' | 'retryTable'>,
  worker: Pick<WorkerOptions, 'workflowsPath' | 'dataConverter'> = {},
) {
  const gateway = await startTestGateway(t);
  await gateway.addFile('results.csv');
  const { runtimeId } = gateway;
  const { id } = await gateway.createInvocation({ runtimeId, durationMs: 0 });
  const client = new BctrlClient({ apiKey: API_KEY, baseUrl: gateway.url });
  t.after(() => client.close());
  const taskQueue = randomUUID();
  const { nativeConnection: connection } = env;
  const plugins = [new BctrlPlugin({ client, ...options })];
  const running = await Worker.create({ connection, taskQueue, plugins, ...worker });
  return { gateway, runtimeId, invocationId: id, taskQueue, worker: running };
}

test('a user’s workflow calls the activities through the proxies', async (t) => {
  const workflowsPath = fileURLToPath(workflowsFile);
  const { gateway, worker, taskQueue, ...job } = await setUp(t, {}, { workflowsPath });
  const args = [job.runtimeId, job.invocationId];
  const fileId = await worker.runUntil(
    env.client.workflow.execute('collectResults', { taskQueue, workflowId: 'own', args }),
  );
  const [file] = gateway.snapshot().files;
  assert.equal(fileId, file?.id);
  assert.match(
    String(file?.metadata?.['temporalCollectionKey']),
    /^own\/[0-9a-f-]{36}\/results\/[0-9a-f]{32}$/,
  );
});

test('the plugin runs the package’s workflows on a worker without its own', async (t) => {
  const { worker, taskQueue, runtimeId } = await setUp(t, { workflows: true });
  const input = { runtimeId, files: [{ runtimePath: 'results.csv' }] };
  const report: PipelineReport = await worker.runUntil(
    env.client.workflow.execute('postRunPipeline', { taskQueue, workflowId: 'theirs', args: [input] }),
  );
  assert.equal(report.counts.collected, 1);
});

test('the plugin refuses an invalid override of the retry table', () => {
  const client = new BctrlClient({ apiKey: API_KEY, baseUrl: 'http://127.0.0.1:9' });
  assert.throws(
    () => new BctrlPlugin({ client, retryTable: { server: { maximumFailures: 0 } } }),
    /maximumFailures/,
  );
});

test('the README shows the tested workflow', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  assert.ok(readme.includes(await readFile(workflowsFile, 'utf8')));
});

test('a worker with encryption runs the package’s workflows, and its failures are read by a client with the key', async (t) => {
  const { dataConverter } = createEncryption({
    keys: [{ id: 'k1', key: randomBytes(32).toString('base64') }],
  });
  const { worker, taskQueue, runtimeId } = await setUp(t, { workflows: true }, { dataConverter });
  const client = new Client({ connection: env.connection, dataConverter });
  const input = { runtimeId, files: [{ runtimePath: 'missing.csv' }] };
  const workflow = { taskQueue, workflowId: 'encrypted', args: [input] };
  await worker.runUntil(async () => {
    const error = await client.workflow.execute('postRunPipeline', workflow).catch((thrown) => thrown);
    assert.equal(readReport(error)?.files[0]?.runtimePath, 'missing.csv');
  });
  const history = await env.client.workflow.getHandle('encrypted').fetchHistory();
  assert.doesNotMatch(storedText(history), /missing\.csv|file\.not_found/);
});
