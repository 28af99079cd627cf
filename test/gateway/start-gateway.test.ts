import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { BctrlClient } from '../../src/bctrl/bctrl-client.js';
import { type Gateway, startGateway } from '../../src/testing.js';
import { createTestFolder } from '../support/gateway.js';

async function collect(t: TestContext, gateway: Gateway, runtimeId: string, runtimePath: string) {
  const client = new BctrlClient({ apiKey: gateway.apiKey, baseUrl: gateway.url });
  t.after(() => client.close());
  const { path = '' } = await client.collectFile(runtimeId, { runtimePath });
  return await readFile(join(gateway.storageDir, 'files', path), 'utf8');
}

test('a gateway without options collects a file from a runtime that it created', async (t) => {
  const gateway = await startGateway();
  t.after(() => gateway.close());
  const runtimeId = await gateway.createRuntime({ 'results.csv': 'a,b\n', 'logs/1.txt': 'one' });
  assert.equal(await collect(t, gateway, runtimeId, 'results.csv'), 'a,b\n');
  assert.equal(await collect(t, gateway, runtimeId, 'logs/1.txt'), 'one');
});

test('files are written into a runtime later, by any path that the runtime has for them', async (t) => {
  const gateway = await startGateway();
  t.after(() => gateway.close());
  const runtimeId = await gateway.createRuntime();
  await gateway.writeFiles(runtimeId, { './late.txt': 'late', '/workspace/deep/b.txt': Buffer.from('b') });
  assert.equal(await collect(t, gateway, runtimeId, 'late.txt'), 'late');
  assert.equal(await collect(t, gateway, runtimeId, 'deep/b.txt'), 'b');
  await assert.rejects(gateway.writeFiles(runtimeId, { '../escaped.txt': '' }), /leads out of the workspace/);
});

test('close removes temporary folders, also when it is called twice', async () => {
  const gateway = await startGateway();
  await gateway.createRuntime({ 'a.txt': 'a' });
  const folders = [gateway.workspaceDir, gateway.storageDir];
  assert.deepEqual(
    folders.map((folder) => existsSync(folder)),
    [true, true],
  );
  await Promise.all([gateway.close(), gateway.close()]);
  assert.deepEqual(
    folders.map((folder) => existsSync(folder)),
    [false, false],
  );
});

test('close leaves the folders that the options name', async (t) => {
  const [workspaceDir, storageDir] = [await createTestFolder(t), await createTestFolder(t)];
  for (const options of [{ workspaceDir }, { storageDir }, { workspaceDir, storageDir }]) {
    const gateway = await startGateway(options);
    await gateway.close();
    const own = [gateway.workspaceDir, gateway.storageDir].filter((folder) => !existsSync(folder));
    assert.equal(own.length, 2 - Object.keys(options).length);
    assert.ok(Object.values(options).every((folder) => existsSync(folder)));
  }
});

test('a gateway is disposed of with its folders', async () => {
  assert.equal(typeof Symbol.asyncDispose, 'symbol');
  const gateway = await startGateway();
  await gateway[Symbol.asyncDispose]();
  assert.equal(existsSync(gateway.storageDir), false);
  await assert.rejects(fetch(gateway.url));
});

test('a gateway that cannot start leaves no temporary folders', async (t) => {
  const gateway = await startGateway();
  t.after(() => gateway.close());
  const folder = await createTestFolder(t);
  const { TMPDIR } = process.env;
  process.env['TMPDIR'] = folder;
  t.after(() => {
    if (TMPDIR === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = TMPDIR;
  });
  const port = Number(new URL(gateway.url).port);
  await assert.rejects(startGateway({ port }), /already in use/);
  assert.deepEqual(await readdir(folder), []);
});

test('of two gateways that start on one storage at once, one starts', async (t) => {
  const storageDir = await createTestFolder(t);
  const starts = await Promise.allSettled([startGateway({ storageDir }), startGateway({ storageDir })]);
  for (const start of starts) if (start.status === 'fulfilled') t.after(() => start.value.close());
  const refused = starts.filter((start) => start.status === 'rejected');
  assert.deepEqual(
    refused.map(({ reason }) => reason.message),
    [`another gateway uses the storage ${storageDir}`],
  );
});

test('a start that fails gives the storage free', async (t) => {
  const storageDir = await createTestFolder(t);
  await assert.rejects(startGateway({ storageDir, port: 70_000 }), { code: 'ERR_SOCKET_BAD_PORT' });
  const gateway = await startGateway({ storageDir });
  await gateway.close();
});

test('a storage whose path is too long for a socket is used with a warning', async (t) => {
  const warn = t.mock.method(console, 'warn', () => {});
  const storageDir = join(await createTestFolder(t), 'x'.repeat(100));
  const gateway = await startGateway({ storageDir });
  await gateway.close();
  assert.deepEqual(
    warn.mock.calls.map(({ arguments: args }) => args),
    [
      [
        `warning: the storage ${storageDir} is not locked against a second gateway: its path is too long for a socket`,
      ],
    ],
  );
});
