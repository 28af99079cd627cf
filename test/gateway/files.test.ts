import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { API_KEY, startTestGateway, type TestGateway } from '../support/gateway.js';

/** The files n0, n1, …, oldest first. */
async function startWithFiles(t: TestContext, count: number): Promise<TestGateway> {
  let now = Date.parse('2025-03-01T12:00:00.000Z');
  const gateway = await startTestGateway(t, { now: () => now });
  for (let index = 0; index < count; index += 1) {
    await gateway.addFile(`n${index}`);
    now += 1_000;
    await gateway.collect({ runtimePath: `n${index}`, type: index % 2 ? 'odd' : 'even' });
  }
  return gateway;
}

async function list(gateway: TestGateway, query: Record<string, string> | [string, string][] = {}) {
  const { status, body } = await gateway.call('GET', `/v1/files?${new URLSearchParams(query)}`);
  assert.equal(status, 200);
  return { names: body.data.map((file: { name: string }) => file.name) as string[], next: body.nextCursor };
}

test('files are listed newest first, each as collect answered it', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  await gateway.addFile('b');
  const first = await gateway.collect({ runtimePath: 'a', metadata: { x: 1 } });
  const second = await gateway.collect({ runtimePath: 'b' });
  const { body } = await gateway.call('GET', '/v1/files');
  assert.deepEqual(body, { data: [second.body, first.body], nextCursor: null });
});

test('no files are an empty page', async (t) => {
  const gateway = await startTestGateway(t);
  assert.deepEqual(await list(gateway), { names: [], next: null });
});

test('the last full page has no cursor', async (t) => {
  const gateway = await startWithFiles(t, 4);
  const first = await list(gateway, { limit: '2' });
  const second = await list(gateway, { limit: '2', cursor: first.next });
  assert.deepEqual([first.names, second.names, second.next], [['n3', 'n2'], ['n1', 'n0'], null]);
});

test('a page holds 50 files unless a limit says otherwise', async (t) => {
  const gateway = await startWithFiles(t, 51);
  assert.equal((await list(gateway)).names.length, 50);
  assert.equal((await list(gateway, { limit: '100' })).names.length, 51);
});

test('files added while a client pages are neither repeated nor do they push others out', async (t) => {
  const gateway = await startWithFiles(t, 10);
  const seen: string[] = [];
  let cursor: string | null = '';
  for (let page = 0; cursor !== null; page += 1) {
    const { names, next } = await list(gateway, { limit: '3', ...(cursor && { cursor }) });
    seen.push(...names);
    cursor = next;
    await gateway.addFile(`late${page}`);
    await gateway.collect({ runtimePath: `late${page}` });
  }
  assert.deepEqual(seen, ['n9', 'n8', 'n7', 'n6', 'n5', 'n4', 'n3', 'n2', 'n1', 'n0']);
});

test('paging works within the files of one runtime', async (t) => {
  const gateway = await startWithFiles(t, 3);
  const other = await gateway.addRuntime();
  for (const name of ['x', 'y', 'z']) {
    await writeFile(join(gateway.workspaceDir, other, name), name);
    await gateway.call('POST', `/v1/runtimes/${other}/files/collect`, { body: { runtimePath: name } });
    await gateway.addFile(`between-${name}`);
    await gateway.collect({ runtimePath: `between-${name}` });
  }
  const first = await list(gateway, { runtimeId: other, limit: '2' });
  const second = await list(gateway, { runtimeId: other, limit: '2', cursor: first.next });
  assert.deepEqual([first.names, second.names, second.next], [['z', 'y'], ['x'], null]);
});

test('every filter narrows the list', async (t) => {
  const gateway = await startWithFiles(t, 3);
  const { body } = await gateway.call('GET', '/v1/files?limit=1');
  const { spaceId, runId, path } = body.data[0];
  const prefix = path.slice(0, -1);
  const all = ['n2', 'n1', 'n0'];
  const cases: [query: Record<string, string> | [string, string][], names: string[]][] = [
    [{ spaceId }, all],
    [{ spaceId: randomUUID() }, []],
    [{ source: 'runtime' }, all],
    [{ source: 'upload' }, []],
    [{ path }, ['n2']],
    [{ path: prefix }, []],
    [{ prefix }, all],
    [{ prefix: path }, ['n2']],
    [{ q: '/N1' }, ['n1']],
    [{ runId }, all],
    [{ runId: randomUUID() }, []],
    [{ runtimeId: gateway.runtimeId }, all],
    [{ runtimeId: gateway.runtimeId, runId: randomUUID() }, []],
    [{ type: 'odd' }, ['n1']],
    [
      [
        ['type', 'odd'],
        ['type', 'even'],
      ],
      all,
    ],
    [{ type: 'none' }, []],
    [{ createdAfter: '2025-03-01T12:00:02.000Z' }, ['n2']],
    [{ createdAfter: '2025-03-01T13:00:01.999+01:00' }, ['n2', 'n1']],
    [{ runId, type: 'even', createdAfter: '2025-03-01T12:00:01Z' }, ['n2']],
    [{ unknown: 'x' }, all],
  ];
  for (const [query, names] of cases)
    assert.deepEqual((await list(gateway, query)).names, names, String(query));
});

const wrongQueries = {
  limit: ['0', '101', '-1', '1.5', 'x', ''],
  cursor: ['x', '!', 'MTIz=', ''],
  createdAfter: ['yesterday', '2025-03-01', ''],
  source: ['other', ''],
};

for (const [field, values] of Object.entries(wrongQueries)) {
  for (const value of values) {
    test(`${field}=${value} → 400 request.invalid`, async (t) => {
      const gateway = await startTestGateway(t);
      const { status, body } = await gateway.call('GET', `/v1/files?${field}=${encodeURIComponent(value)}`);
      assert.deepEqual([status, body.code, body.details], [400, 'request.invalid', { field }]);
    });
  }
}

test('a clock that steps back does not disturb the order', async (t) => {
  let now = Date.parse('2025-03-01T12:00:00.000Z');
  const gateway = await startTestGateway(t, { now: () => now });
  for (const name of ['a', 'b']) {
    await gateway.addFile(name);
    await gateway.collect({ runtimePath: name });
    now -= 60_000;
  }
  const createdAfter = '2025-03-01T11:59:59.999Z';
  assert.deepEqual((await list(gateway, { createdAfter })).names, ['b', 'a']);
});

test('a file is found by its id, and an unknown one is 404 file.not_found', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  const { body } = await gateway.collect({ runtimePath: 'a' });
  assert.deepEqual((await gateway.call('GET', `/v1/files/${body.id}`)).body, body);
  for (const path of [`/v1/files/${randomUUID()}`, `/v1/files/${randomUUID()}/content`]) {
    const missing = await gateway.call('GET', path);
    assert.deepEqual([missing.status, missing.body.code], [404, 'file.not_found']);
  }
});

test('content and download give the exact bytes', async (t) => {
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

test('a download needs no API key but the right signature, anything else is 403', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  await gateway.addFile('b');
  const { body } = await gateway.collect({ runtimePath: 'a' });
  const other = await gateway.collect({ runtimePath: 'b' });
  const path = `/storage/files/${body.id}/download`;
  const otherSignature = new URL(other.body.downloadUrl).search;
  for (const query of ['', '?signature=', '?signature=0', otherSignature]) {
    const answer = await fetch(gateway.url + path + query);
    const { code, reasonClass } = (await answer.json()) as Record<string, unknown>;
    assert.deepEqual([answer.status, code, reasonClass], [403, 'auth.forbidden', 'capability_denied']);
  }
});

test('the content needs an API key', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  const { body } = await gateway.collect({ runtimePath: 'a' });
  assert.equal((await fetch(`${gateway.url}/v1/files/${body.id}/content`)).status, 401);
});

test('bytes that somebody deleted from the storage are 503, not an empty file', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  const { body } = await gateway.collect({ runtimePath: 'a', destinationPath: '/a' });
  await rm(join(gateway.storageDir, 'files/a'));
  const { status } = await gateway.call('GET', `/v1/files/${body.id}/content`);
  assert.equal(status, 503);
});
