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

const names: [name: string, disposition: string][] = [
  ['results.csv', 'attachment; filename="results.csv"'],
  ["it's (1).csv", 'attachment; filename="it\'s (1).csv"'],
  ['a";x="b\\c.html', 'attachment; filename="a_;x=_b_c.html"'],
  ['a\r\nset-cookie: x=1', 'attachment; filename="a__set-cookie_ x=1"'],
  ['../../etc/passwd', 'attachment; filename=".._.._etc_passwd"'],
  ['invoice\u202efdp.exe', 'attachment; filename="invoice_fdp.exe"'],
  ['100%41.txt', `attachment; filename="100_41.txt"; filename*=UTF-8''100%2541.txt`],
  ["été'(1).csv", `attachment; filename="_t_'(1).csv"; filename*=UTF-8''%C3%A9t%C3%A9%27%281%29.csv`],
  ['文😀', `attachment; filename="__"; filename*=UTF-8''%E6%96%87%F0%9F%98%80`],
  ['\ud800', 'attachment; filename="_"'],
  ['', 'attachment; filename="download"'],
];

for (const [name, disposition] of names) {
  test(`a browser saves a file of the name ${JSON.stringify(name)}, and never shows it`, async (t) => {
    const gateway = await startTestGateway(t);
    await gateway.addFile('a.html', '<script>alert(1)</script>');
    const { body } = await gateway.collect({ runtimePath: 'a.html', name });
    const content = `${gateway.url}/v1/files/${body.id}/content`;
    for (const url of [body.downloadUrl, content]) {
      for (const method of ['GET', 'HEAD']) {
        const response = await fetch(url, { method, headers: { authorization: `Bearer ${API_KEY}` } });
        const header = (key: string) => response.headers.get(key);
        assert.equal(header('content-disposition'), disposition);
        assert.deepEqual(
          [header('x-content-type-options'), header('content-type')],
          ['nosniff', 'text/html'],
        );
        assert.deepEqual([header('content-security-policy'), header('content-length')], ['sandbox', '25']);
        assert.equal(await response.text(), method === 'GET' ? '<script>alert(1)</script>' : '');
      }
    }
  });
}
