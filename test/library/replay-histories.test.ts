import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client } from '@temporalio/client';
import { type DataConverter, RawValue } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import { BctrlClient, BctrlPlugin, createEncryption } from 'bctrl-temporal';
import { replayHistories, startGateway } from 'bctrl-temporal/testing';
import { useDevServer } from '../support/dev-server.js';
import { createTestFolder } from '../support/gateway.js';
import { connectToDevServer, devServerExecutable } from '../support/temporal.js';

const temporal = useDevServer();
const changedWorkflows = fileURLToPath(new URL('./changed-workflows.ts', import.meta.url));
const ownWorkflows = fileURLToPath(new URL('./own-workflows.ts', import.meta.url));

const workflowId = `pipeline-${randomUUID()}`;

/** What `temporal workflow show` prints of a pipeline that started another workflow. */
async function recordHistory(
  workflowId: string,
  dataConverter: DataConverter = {},
  ...signalArgs: RawValue[]
): Promise<string> {
  await using gateway = await startGateway();
  const runtimeId = await gateway.createRuntime({ 'a.csv': 'a' });
  const client = new BctrlClient({ apiKey: gateway.apiKey, baseUrl: gateway.url });
  const env = await connectToDevServer(temporal.address);
  try {
    const plugins = [new BctrlPlugin({ client, workflows: true })];
    const worker = await Worker.create({
      connection: env.nativeConnection,
      taskQueue: workflowId,
      plugins,
      dataConverter,
    });
    const next = { workflowType: 'any', taskQueue: 'nobody' };
    const args = [{ runtimeId, files: [{ runtimePath: 'a.csv' }], next }];
    const options = { workflowId, taskQueue: workflowId, args };
    const starter = new Client({ connection: env.client.connection, dataConverter });
    await worker.runUntil(async () => {
      const handle = await starter.workflow.signalWithStart('postRunPipeline', {
        ...options,
        signal: 'jobFinished',
        signalArgs,
      });
      await handle.result();
    });
  } finally {
    await env.teardown();
    await client.close();
  }
  const show = ['workflow', 'show', '--workflow-id', workflowId, '--output', 'json'];
  const argv = [...show, '--address', temporal.address];
  const { stdout } = await promisify(execFile)(devServerExecutable(), argv, { maxBuffer: 1e8 });
  return stdout;
}

let recorded: Promise<string> | undefined;
/** The hooks of a file do not wait for each other, so that the first test records the history. */
function getHistory(): Promise<string> {
  recorded ??= recordHistory(workflowId);
  return recorded;
}

test('histories of a folder replay against the workflows of the package, under whatever file name', async (t) => {
  const folder = await createTestFolder(t);
  await writeFile(join(folder, 'one.json'), await getHistory());
  await writeFile(join(folder, 'two.json'), await getHistory());
  await writeFile(join(folder, 'notes.txt'), 'no history');
  assert.deepEqual(await replayHistories({ histories: folder }), { replayed: 2 });
});

test('histories of a client replay against the user’s workflow file', async () => {
  await getHistory();
  const list = temporal.client.workflow.list({ query: `WorkflowId = '${workflowId}'` });
  const histories = list.intoHistories();
  assert.deepEqual(await replayHistories({ histories, workflowsPath: ownWorkflows }), { replayed: 1 });
});

test('histories replay against the workflows of a plugin', async (t) => {
  const client = new BctrlClient({ apiKey: 'any', baseUrl: 'http://127.0.0.1:9' });
  t.after(() => client.close());
  const plugins = [new BctrlPlugin({ client, workflows: true })];
  const histories = [{ workflowId, history: JSON.parse(await getHistory()) }];
  assert.deepEqual(await replayHistories({ histories, plugins }), { replayed: 1 });
});

test('a history with a signal that was ignored replays, with the prebuilt workflows and with bundled ones', async () => {
  const metadata = { encoding: Buffer.from('json/plain') };
  const brokenJson = RawValue.fromPayload({ metadata, data: Buffer.from('{') });
  const workflowId = `ignored-${randomUUID()}`;
  const histories = [{ workflowId, history: JSON.parse(await recordHistory(workflowId, {}, brokenJson)) }];
  assert.deepEqual(await replayHistories({ histories }), { replayed: 1 });
  assert.deepEqual(await replayHistories({ histories, plugins: [] }), { replayed: 1 });
});

test('encrypted histories replay with their keys, and without them say which key is missing', async (t) => {
  const createConverter = (id: string) =>
    createEncryption({ keys: [{ id, key: randomBytes(32).toString('base64') }] }).dataConverter;
  const dataConverter = createConverter('k1');
  const folder = await createTestFolder(t);
  const text = await recordHistory(`encrypted-${randomUUID()}`, dataConverter);
  assert.ok(text.includes(btoa('binary/encrypted')));
  await writeFile(join(folder, 'encrypted.json'), text);
  assert.deepEqual(await replayHistories({ histories: folder, dataConverter }), { replayed: 1 });
  const own = { histories: folder, dataConverter, workflowsPath: ownWorkflows };
  assert.deepEqual(await replayHistories(own), { replayed: 1 });
  await assert.rejects(
    replayHistories({ histories: folder, dataConverter: createConverter('k2') }),
    /encrypted\.json: .*a payload is encrypted with the key \\"k1\\", which this process does not have/s,
  );
});

test('a changed workflow fails with the names of all histories that do not replay', async (t) => {
  const folder = await createTestFolder(t);
  for (const name of ['held.json', 'next.json']) await writeFile(join(folder, name), await getHistory());
  await assert.rejects(
    replayHistories({ histories: folder, workflowsPath: changedWorkflows }),
    (error: unknown) => {
      assert.ok(error instanceof AggregateError);
      assert.match(
        error.message,
        /^2 of 2 histories do not replay:\n- held\.json: .*nondeterminism.*\n- next\.json: .*nondeterminism/i,
      );
      assert.equal(error.errors.length, 2);
      return true;
    },
  );
});

test('only the histories that do not replay are named', async () => {
  const good = { workflowId, history: JSON.parse(await getHistory()) };
  const renamed = (await getHistory()).replaceAll('"collectRuntimeFile"', '"renamedActivity"');
  const bad = { workflowId: 'other', history: JSON.parse(renamed) };
  await assert.rejects(
    replayHistories({ histories: [good, bad, good] }),
    /^AggregateError: 1 of 3 histories do not replay:\n- other: .*renamedActivity/,
  );
});

test('a folder without histories is an error', async (t) => {
  const folder = await createTestFolder(t);
  await assert.rejects(replayHistories({ histories: folder }), /there are no histories \(\*\.json\) in /);
});

for (const [what, text] of [
  ['is no JSON', 'no'],
  ['has no events', '{}'],
  ['has an empty list of events', '{ "events": [] }'],
] as const) {
  test(`a file that ${what} is an error that names it`, async (t) => {
    const folder = await createTestFolder(t);
    await writeFile(join(folder, 'broken.json'), text);
    await assert.rejects(
      replayHistories({ histories: folder }),
      /broken\.json is not the history of a workflow/,
    );
  });
}
