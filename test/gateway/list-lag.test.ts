import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startGateway } from '../../src/testing.js';
import { callApi, startTestGateway, type TestGateway } from '../support/gateway.js';

const LAG_MS = 5_000;

async function startLagging(t: TestContext) {
  const clock = { nowMs: Date.parse('2025-03-01T12:00:00.000Z') };
  const gateway = await startTestGateway(t, { listLagMs: LAG_MS, now: () => clock.nowMs });
  for (const name of ['a', 'b', 'c']) await gateway.addFile(name);
  return { gateway, clock };
}

async function list(gateway: Pick<TestGateway, 'call'>, query = '') {
  const { body } = await gateway.call('GET', `/v1/files${query}`);
  return { names: body.data.map(({ name }: { name: string }) => name), next: body.nextCursor };
}

test('the listing shows a file when the lag is over, and not a millisecond before', async (t) => {
  const { gateway, clock } = await startLagging(t);
  const { body } = await gateway.collect({ runtimePath: 'a' });
  const filters = ['', `?runtimeId=${body.runtimeId}`, `?runId=${body.runId}`, `?path=${body.path}`];
  for (const [aheadMs, names] of [[0, []] as const, [LAG_MS - 1, []] as const, [1, ['a']] as const]) {
    clock.nowMs += aheadMs;
    for (const filter of filters) assert.deepEqual((await list(gateway, filter)).names, names, filter);
  }
});

test('everything but the listing knows a file at once', async (t) => {
  const { gateway } = await startLagging(t);
  const { body: file } = await gateway.collect({ runtimePath: 'a' });
  assert.deepEqual((await gateway.call('GET', `/v1/files/${file.id}`)).body, file);
  assert.equal((await gateway.call('GET', `/v1/files/${file.id}/content`)).body, 'a');
  const again = await gateway.collect({ runtimePath: 'a' });
  assert.deepEqual([again.status, again.body.code], [409, 'storage_file.path_exists']);
  const { body: archive } = await gateway.call('POST', `/v1/runs/${file.runId}/files/export`);
  assert.ok(archive.sizeBytes > 100, 'the archive has the file');
  assert.equal(gateway.snapshot().files.length, 2);
});

test('pages hold older files only, and their cursors go on', async (t) => {
  const { gateway, clock } = await startLagging(t);
  for (const runtimePath of ['a', 'b', 'c']) {
    await gateway.collect({ runtimePath });
    clock.nowMs += 1_000;
  }
  // Now b is as old as the lag.
  clock.nowMs += LAG_MS - 2_000;
  const first = await list(gateway, '?limit=1');
  clock.nowMs += LAG_MS;
  const second = await list(gateway, `?limit=1&cursor=${first.next}`);
  assert.deepEqual([first.names, second.names, second.next], [['b'], ['a'], null]);
  assert.deepEqual((await list(gateway)).names, ['c', 'b', 'a']);
});

test('a restart makes no file older or newer', async (t) => {
  const { gateway, clock } = await startLagging(t);
  await gateway.collect({ runtimePath: 'a' });
  await gateway.close();
  const { workspaceDir, storageDir } = gateway;
  const again = await startGateway({ workspaceDir, storageDir, listLagMs: LAG_MS, now: () => clock.nowMs });
  t.after(() => again.close());
  const call: TestGateway['call'] = (method, path) => callApi(again.url, method, path);
  assert.deepEqual((await list({ call })).names, []);
  clock.nowMs += LAG_MS;
  assert.deepEqual((await list({ call })).names, ['a']);
});
