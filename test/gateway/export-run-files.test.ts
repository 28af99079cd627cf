import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { unzipSync } from 'fflate';
import { API_KEY, startTestGateway, type TestGateway } from '../support/gateway.js';

async function exportFiles(
  gateway: TestGateway,
  runId: string,
  options: Parameters<TestGateway['call']>[2] = {},
) {
  return gateway.call('POST', `/v1/runs/${runId}/files/export`, options);
}

async function download(gateway: TestGateway, fileId: string): Promise<Buffer> {
  const headers = { authorization: `Bearer ${API_KEY}` };
  const response = await fetch(`${gateway.url}/v1/files/${fileId}/content`, { headers });
  return Buffer.from(await response.arrayBuffer());
}

test('an export is a zip of all files that were collected in the run', async (t) => {
  const gateway = await startTestGateway(t);
  const noise = randomBytes(200_000);
  await gateway.addFile('ünï.txt', 'text');
  await gateway.addFile('noise.bin', noise);
  await gateway.addFile('empty', '');
  await gateway.collect({ runtimePath: 'ünï.txt' });
  await gateway.collect({ runtimePath: 'empty' });
  const { body: file } = await gateway.collect({ runtimePath: 'noise.bin', destinationPath: '/x/noise.bin' });
  const { status, body } = await exportFiles(gateway, file.runId);
  assert.equal(status, 201);
  assert.deepEqual([body.name, body.contentType, body.runId], ['files.zip', 'application/zip', file.runId]);
  const archive = await download(gateway, body.id);
  assert.equal(archive.length, body.sizeBytes);
  assert.deepEqual(unzipSync(archive), {
    [`runs/${file.runId}/ünï.txt`]: new TextEncoder().encode('text'),
    [`runs/${file.runId}/empty`]: new Uint8Array(),
    'x/noise.bin': new Uint8Array(noise),
  });
});

test('an export can be limited to file types, and never contains an earlier export', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  await gateway.addFile('b');
  const { body: a } = await gateway.collect({ runtimePath: 'a', type: 'report' });
  await gateway.collect({ runtimePath: 'b' });
  const { body: all } = await exportFiles(gateway, a.runId, { body: { name: 'all.zip' } });
  const { body: some } = await exportFiles(gateway, a.runId, {
    body: { name: 'some.zip', type: ['report'] },
  });
  assert.equal(Object.keys(unzipSync(await download(gateway, all.id))).length, 2);
  assert.deepEqual(Object.keys(unzipSync(await download(gateway, some.id))), [a.path.slice(1)]);
});

test('a repeated export with the same Idempotency-Key returns the same file; another request with it → 409', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  const { body: a } = await gateway.collect({ runtimePath: 'a' });
  const headers = { 'idempotency-key': 'k1' };
  const first = await exportFiles(gateway, a.runId, { headers });
  const again = await exportFiles(gateway, a.runId, { headers });
  assert.deepEqual([again.status, again.body], [201, first.body]);
  const other = await exportFiles(gateway, a.runId, { headers, body: { name: 'other.zip' } });
  assert.deepEqual([other.status, other.body.code], [409, 'idempotency.conflict']);
});

test('an export of an unknown run → 404, and a name that does not end in .zip → 400', async (t) => {
  const gateway = await startTestGateway(t);
  assert.equal((await exportFiles(gateway, randomUUID())).body.code, 'run.not_found');
  const { body: runtime } = await gateway.call('GET', `/v1/runtimes/${gateway.runtimeId}`);
  for (const name of ['files.tar', '.zip', '../x.zip']) {
    const { body } = await exportFiles(gateway, runtime.activeRunId, { body: { name } });
    assert.deepEqual(body.details, { field: 'name' }, name);
  }
});
