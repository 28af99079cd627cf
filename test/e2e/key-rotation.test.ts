import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { POST_RUN_PIPELINE } from '../../src/shared/names.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import { useDevServer } from '../support/dev-server.js';
import { startExecutable } from '../support/executable.js';
import { createTestFolder, startTestGateway } from '../support/gateway.js';
import { startGrpcProxy } from '../support/grpc-proxy.js';
import { waitFor } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

const [OLD, NEW] = ['old-key-of-the-account', 'new-key-of-the-account'];
const PIPELINES = 40;
const FILES = 5;
const paths = Array.from({ length: FILES }, (_, index) => `out/${index}.txt`);

const temporal = useDevServer();

/** A worker whose key is in a file, and pipelines whose jobs end one after the other for eight seconds. */
async function setUp(t: TestContext) {
  const gateway = await startTestGateway(t, {
    apiKeys: [OLD],
    // So that a duplicate is made, not refused.
    onPathExists: 'keep-both',
    faults: [{ operation: 'collect', fault: { kind: 'delay', delayMs: 50 } }],
  });
  const keyFile = join(await createTestFolder(t), 'key');
  const writeKey = async (content: string) => {
    await writeFile(`${keyFile}.new`, content);
    await rename(`${keyFile}.new`, keyFile);
  };
  await writeKey(`${OLD}\n`);
  const taskQueue = gateway.runtimeId;
  const env = { BCTRL_API_KEY: '', BCTRL_API_KEY_FILE: keyFile };
  const worker = await startWorkerProcess(t, {
    address: temporal.address,
    gatewayUrl: gateway.url,
    taskQueue,
    env,
  });
  const start = async (_: unknown, index: number) => {
    const runtimeId = await gateway.createRuntime(Object.fromEntries(paths.map((path) => [path, path])));
    const { id } = await gateway.createInvocation({ runtimeId, durationMs: 500 + index * 200 });
    const input = {
      runtimeId,
      waitFor: { invocationIds: [id] },
      files: paths.map((runtimePath) => ({ runtimePath })),
    };
    const workflowId = `rotation/${runtimeId}`;
    return await temporal.client.workflow.start(POST_RUN_PIPELINE, { taskQueue, workflowId, args: [input] });
  };
  const handles = await Promise.all(Array.from({ length: PIPELINES }, start));
  return { gateway, worker, writeKey, handles, made: () => gateway.snapshot().files.length };
}

type Rotation = Awaited<ReturnType<typeof setUp>>;

/** Asserts that all files were collected, each once, as the gateway counts them. */
async function assertComplete({ gateway, worker, handles }: Rotation): Promise<void> {
  const reports = await Promise.all(handles.map((handle): Promise<PipelineReport> => handle.result()));
  assert.deepEqual(
    reports.map(({ counts }) => counts.collected),
    reports.map(() => FILES),
  );
  const files = gateway.snapshot().files.map(({ runtimeId, runtimePath }) => `${runtimeId} ${runtimePath}`);
  assert.deepEqual([files.length, new Set(files).size], [PIPELINES * FILES, PIPELINES * FILES]);
  const log = worker.stderr();
  assert.equal(log.match(/"msg":"API key replaced"/g)?.length, 1, log);
  assert.doesNotMatch(log, new RegExp(`${OLD}|${NEW}|collect failed|unauthorized`));
}

const refused = ({ gateway }: Rotation) =>
  Object.values(gateway.snapshot().responses).reduce((sum, { 401: count = 0 }) => sum + count, 0);

describe('while 40 pipelines run', () => {
  test('a key is rotated in the documented order, without a refused request', async (t) => {
    const rotation = await setUp(t);
    const { gateway, worker, writeKey, made } = rotation;
    await waitFor('the first files', () => made() >= 20);
    gateway.setApiKeys([OLD, NEW]);
    await writeKey(NEW);
    await waitFor('the new key', () => worker.stderr().includes('"msg":"API key replaced"'));
    assert.ok(made() < PIPELINES * FILES, 'pipelines still run');
    gateway.setApiKeys([NEW]);
    await assertComplete(rotation);
    assert.equal(refused(rotation), 0);
  });

  test('a key is revoked at the moment when its file is replaced, and no file fails', async (t) => {
    let count = 0;
    // The worker reads the file every two seconds too, by chance before its next request.
    for (let tries = 1; count === 0 && tries <= 5; tries += 1) {
      const rotation = await setUp(t);
      const { gateway, writeKey, made } = rotation;
      await waitFor('the first files', () => made() >= 20);
      await writeKey(NEW);
      gateway.setApiKeys([NEW]);
      await assertComplete(rotation);
      count = refused(rotation);
      t.diagnostic(`${count} requests were refused`);
    }
    assert.ok(count > 0);
  });

  test('a key is half written and then whole, and no file fails', async (t) => {
    const rotation = await setUp(t);
    const { gateway, worker, writeKey, made } = rotation;
    await waitFor('the first files', () => made() >= 20);
    await writeKey('');
    await waitFor('the warning', () => worker.stderr().includes('is empty'));
    gateway.setApiKeys([OLD, NEW]);
    await writeKey(NEW.slice(0, 5));
    await waitFor('a refusal', () => refused(rotation) > 0);
    await writeKey(NEW);
    gateway.setApiKeys([NEW]);
    const reports = await Promise.all(rotation.handles.map((handle) => handle.result()));
    assert.deepEqual(new Set(reports.map(({ counts }) => counts.collected)), new Set([FILES]));
    assert.equal(made(), PIPELINES * FILES);
    assert.equal(worker.stderr().match(/API key kept/g)?.length, 1);
  });
});

test('the key of Temporal is rotated under a worker and a waiting CLI', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a.txt');
  const proxy = await startGrpcProxy(t, temporal.address);
  proxy.apiKeys = new Set([OLD]);
  const keyFile = join(await createTestFolder(t), 'key');
  await writeFile(keyFile, OLD);
  const env = { TEMPORAL_API_KEY_FILE: keyFile, TEMPORAL_TLS: 'false' };
  const taskQueue = gateway.runtimeId;
  const address = proxy.address;
  const worker = await startWorkerProcess(t, { address, gatewayUrl: gateway.url, taskQueue, env });
  const job = await gateway.createInvocation({ runtimeId: taskQueue, durationMs: 10_000 });
  const argv = ['start', taskQueue, 'a.txt', '--invocation', job.id, '--wait'];
  const cli = startExecutable(t, 'starter', argv, {
    ...env,
    TEMPORAL_ADDRESS: address,
    BCTRL_TASK_QUEUE: taskQueue,
  });
  await waitFor('the CLI to wait', () => cli.stderr().includes('waiting'));
  assert.deepEqual(new Set(proxy.usedKeys), new Set([OLD]));

  proxy.apiKeys = new Set([OLD, NEW]);
  await writeFile(keyFile, NEW);
  await waitFor('the new key', () => worker.stderr().includes('"msg":"API key replaced"'));
  // Long polls end within a minute. In this test they have begun with the old key, and it stays valid for them.
  proxy.apiKeys = new Set([NEW]);
  const { code, stdout, stderr } = await cli.ended;
  assert.equal(code, 0, stderr);
  assert.match(stdout, /1 of 1 files collected/);
  assert.match(worker.stderr(), /"variable":"TEMPORAL_API_KEY_FILE"/);
  assert.doesNotMatch(worker.stderr() + stderr, new RegExp(`${OLD}|${NEW}`));
});
