import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { API_KEY, startTestGateway } from '../support/gateway.js';

test('a file is found by its id; an unknown id → 404 file.not_found', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  const { body } = await gateway.collect({ runtimePath: 'a' });
  assert.deepEqual((await gateway.call('GET', `/v1/files/${body.id}`)).body, body);
  for (const path of [`/v1/files/${randomUUID()}`, `/v1/files/${randomUUID()}/content`]) {
    const missing = await gateway.call('GET', path);
    assert.deepEqual([missing.status, missing.body.code], [404, 'file.not_found']);
  }
});

test('content and download return the exact bytes', async (t) => {
  const gateway = await startTestGateway(t);
  const bytes = randomBytes(1_000_000);
  await gateway.addFile('noise.png', bytes);
  const { body } = await gateway.collect({ runtimePath: 'noise.png' });
  const headers = { authorization: `Bearer ${API_KEY}` };
  const content = await fetch(`${gateway.url}/v1/files/${body.id}/content`, { headers });
  assert.equal(content.headers.get('content-type'), 'image/png');
  assert.deepEqual(Buffer.from(await content.arrayBuffer()), bytes);
  const download = await fetch(body.downloadUrl);
  assert.deepEqual(Buffer.from(await download.arrayBuffer()), bytes);
});

test('a download needs no API key but the right signature, else 403', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  await gateway.addFile('b');
  const { body } = await gateway.collect({ runtimePath: 'a' });
  const other = await gateway.collect({ runtimePath: 'b' });
  const path = `/storage/files/${body.id}/download`;
  const otherSignature = new URL(other.body.downloadUrl).search;
  for (const query of ['', '?signature=', '?signature=0', otherSignature]) {
    const response = await fetch(gateway.url + path + query);
    const { code, reasonClass } = (await response.json()) as Record<string, unknown>;
    assert.deepEqual([response.status, code, reasonClass], [403, 'auth.forbidden', 'capability_denied']);
  }
});

test('GET /v1/files/{fileId}/content needs an API key', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  const { body } = await gateway.collect({ runtimePath: 'a' });
  assert.equal((await fetch(`${gateway.url}/v1/files/${body.id}/content`)).status, 401);
});

test('the content of a file that was deleted from the storage → 503, not an empty file', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  const { body } = await gateway.collect({ runtimePath: 'a', destinationPath: '/a' });
  await rm(join(gateway.storageDir, 'files/a'));
  const { status } = await gateway.call('GET', `/v1/files/${body.id}/content`);
  assert.equal(status, 503);
});
