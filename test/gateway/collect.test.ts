import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { foldLocation } from '../../src/gateway/storage.js';
import { API_KEY, startTestGateway, type TestGateway } from '../support/gateway.js';

type RequestOptions = Parameters<TestGateway['call']>[2];

function collectFrom({ call }: TestGateway, runtimeId: string, options: RequestOptions) {
  return call('POST', `/v1/runtimes/${encodeURIComponent(runtimeId)}/files/collect`, options);
}

test('the response to a collect has every field that was sent, and the source, type, size and time', async (t) => {
  const now = Date.parse('2025-03-01T12:00:00.000Z');
  const gateway = await startTestGateway(t, { now: () => now });
  await gateway.addFile('output/results.csv', 'a,b\n1,2\n');
  const { status, body } = await gateway.collect({
    runtimePath: '/workspace/output/results.csv',
    destinationPath: '/reports/today.csv',
    name: "today's report",
    type: 'report',
    metadata: { n: 0, empty: '', no: false, nothing: null, deep: [{ a: 1 }] },
  });
  assert.equal(status, 200);
  const { id, spaceId, runId, downloadUrl, ...rest } = body;
  assert.deepEqual(rest, {
    source: 'runtime',
    runtimeId: gateway.runtimeId,
    name: "today's report",
    path: '/reports/today.csv',
    type: 'report',
    contentType: 'text/csv',
    sizeBytes: 8,
    metadata: { n: 0, empty: '', no: false, nothing: null, deep: [{ a: 1 }] },
    createdAt: '2025-03-01T12:00:00.000Z',
  });
  assert.equal(new Set([id, spaceId, runId, gateway.runtimeId]).size, 4);
  assert.ok(downloadUrl.startsWith(`${gateway.url}/storage/files/${id}/download?signature=`));
});

test('the copy has the exact bytes and lies at the destination path below files/', async (t) => {
  const gateway = await startTestGateway(t);
  const bytes = randomBytes(300_000);
  await gateway.addFile('output/noise.bin', bytes);
  const { body } = await gateway.collect({
    runtimePath: 'output/noise.bin',
    destinationPath: '/a/b/noise.bin',
  });
  assert.equal(body.sizeBytes, bytes.length);
  assert.deepEqual(await readFile(join(gateway.storageDir, 'files/a/b/noise.bin')), bytes);
});

test('an empty file can be collected', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('empty', '');
  const { status, body } = await gateway.collect({ runtimePath: 'empty' });
  assert.deepEqual([status, body.sizeBytes, body.contentType], [200, 0, 'application/octet-stream']);
});

test('without a destination, files of the same name in different folders or runtimes do not collide', async (t) => {
  const gateway = await startTestGateway(t);
  const other = await gateway.createRuntime();
  await gateway.addFile('a/results.csv');
  await gateway.addFile('b/results.csv');
  await writeFile(join(gateway.workspaceDir, other, 'results.csv'), '');
  const first = await gateway.collect({ runtimePath: '/workspace/a/results.csv' });
  const second = await gateway.collect({ runtimePath: '/workspace/b/results.csv' });
  const third = await collectFrom(gateway, other, { body: { runtimePath: '/workspace/results.csv' } });
  assert.equal(first.body.path, `/runs/${first.body.runId}/a/results.csv`);
  assert.equal(first.body.name, 'results.csv');
  assert.equal(first.body.metadata, null);
  assert.deepEqual([first.status, second.status, third.status], [200, 200, 200]);
  assert.equal(new Set([first, second, third].map(({ body }) => body.path)).size, 3);
});

test('metadata is returned as sent, even with the key __proto__', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a.txt');
  const { body } = await gateway.collect(
    '{"runtimePath":"a.txt","metadata":{"__proto__":{"x":1},"constructor":2}}',
  );
  assert.equal(JSON.stringify(body.metadata), '{"__proto__":{"x":1},"constructor":2}');
});

const wrongBodies: [problem: string, body: unknown, field: string][] = [
  ['invalid JSON', '{', 'body'],
  ['a list as body', [], 'body'],
  ['no runtimePath', {}, 'runtimePath'],
  ['an empty runtimePath', { runtimePath: '' }, 'runtimePath'],
  ['a number as runtimePath', { runtimePath: 7 }, 'runtimePath'],
  ['null as destinationPath', { runtimePath: 'a.txt', destinationPath: null }, 'destinationPath'],
  ['a number as name', { runtimePath: 'a.txt', name: 1 }, 'name'],
  ['a list as type', { runtimePath: 'a.txt', type: [] }, 'type'],
  ['a list as metadata', { runtimePath: 'a.txt', metadata: [] }, 'metadata'],
  ['null as metadata', { runtimePath: 'a.txt', metadata: null }, 'metadata'],
];

for (const [problem, wrong, field] of wrongBodies) {
  test(`a collect with ${problem} → 400 request.invalid that names ${field}`, async (t) => {
    const gateway = await startTestGateway(t);
    await gateway.addFile('a.txt');
    const { status, body } = await gateway.collect(wrong);
    assert.deepEqual([status, body.code, body.reasonClass], [400, 'request.invalid', 'invalid_input']);
    assert.equal(body.details.field, field);
    assert.deepEqual(gateway.snapshot().files, []);
  });
}

test('a collect with content-type text/plain → 400', async (t) => {
  const gateway = await startTestGateway(t);
  const headers = { 'content-type': 'text/plain' };
  const request = { body: { runtimePath: 'a' }, headers };
  const { status, body } = await collectFrom(gateway, gateway.runtimeId, request);
  assert.deepEqual([status, body.details.field], [400, 'content-type']);
});

for (const authorization of ['', 'Bearer', 'Bearer wrong', `Basic ${API_KEY}`, API_KEY]) {
  test(`a collect with authorization "${authorization}" → 401`, async (t) => {
    const gateway = await startTestGateway(t);
    await gateway.addFile('a.txt');
    const request = { body: { runtimePath: 'a.txt' }, headers: { authorization } };
    const { status, body } = await collectFrom(gateway, gateway.runtimeId, request);
    assert.deepEqual([status, body.code, body.reasonClass], [401, 'auth.required', 'unauthorized']);
    assert.deepEqual(gateway.snapshot().files, []);
  });
}

test('each of the configured API keys is accepted, and no other', async (t) => {
  const gateway = await startTestGateway(t, { apiKeys: ['one', 'two'] });
  const ask = async (key: string) => {
    const headers = { authorization: `Bearer ${key}` };
    return (await gateway.call('GET', '/v1/auth/whoami', { headers })).status;
  };
  assert.deepEqual([await ask('one'), await ask('two'), await ask(API_KEY)], [200, 200, 401]);
});

test('a collect from an unknown runtime → 404 runtime.not_found', async (t) => {
  const gateway = await startTestGateway(t);
  for (const id of [randomUUID(), 'x', '..', gateway.runtimeId.toUpperCase().replace(/\d/g, 'F')]) {
    const { status } = await collectFrom(gateway, id, { body: { runtimePath: 'a' } });
    assert.equal(status, 404, id);
  }
  const { body } = await collectFrom(gateway, randomUUID(), { body: { runtimePath: 'a' } });
  assert.deepEqual([body.code, body.reasonClass], ['runtime.not_found', 'not_found']);
});

test('a collect of a missing file → 404 file.not_found', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a.txt');
  for (const runtimePath of ['b.txt', '/workspace/x/y', 'a.txt/b']) {
    const { status, body } = await gateway.collect({ runtimePath });
    assert.deepEqual([status, body.code, body.reasonClass], [404, 'file.not_found', 'not_found']);
  }
});

test('a collect from a stopped runtime → 409 runtime.not_active', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a.txt');
  await gateway.call('POST', `/v1/runtimes/${gateway.runtimeId}/stop`);
  const { status, body } = await gateway.collect({ runtimePath: 'a.txt' });
  assert.deepEqual([status, body.code, body.reasonClass], [409, 'runtime.not_active', 'conflict']);
});

test('a collect to a path that exists → 409 storage_file.path_exists, and the first copy stays', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a.txt', 'first');
  await gateway.collect({ runtimePath: 'a.txt', destinationPath: '/x' });
  await gateway.addFile('a.txt', 'second');
  const { status, body } = await gateway.collect({ runtimePath: 'a.txt', destinationPath: 'x' });
  assert.deepEqual([status, body.code, body.reasonClass], [409, 'storage_file.path_exists', 'conflict']);
  assert.equal(await readFile(join(gateway.storageDir, 'files/x'), 'utf8'), 'first');
});

test('when many collects to one path run at once, exactly one succeeds', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a.txt');
  const responses = await Promise.all(
    Array.from({ length: 20 }, () => gateway.collect({ runtimePath: 'a.txt' })),
  );
  assert.equal(responses.filter(({ status }) => status === 200).length, 1);
  assert.equal(responses.filter(({ status }) => status === 409).length, 19);
  assert.equal(gateway.snapshot().files.length, 1);
});

test('with keep-both, a second file of the same path is stored with its own bytes', async (t) => {
  const gateway = await startTestGateway(t, { onPathExists: 'keep-both' });
  await gateway.addFile('a.txt', 'first');
  const first = await gateway.collect({ runtimePath: 'a.txt' });
  await gateway.addFile('a.txt', 'second');
  const second = await gateway.collect({ runtimePath: 'a.txt' });
  assert.equal(first.body.path, second.body.path);
  assert.notEqual(first.body.id, second.body.id);
  for (const [{ body }, content] of [[first, 'first'] as const, [second, 'second'] as const]) {
    assert.equal((await gateway.call('GET', `/v1/files/${body.id}/content`)).body, content);
  }
});

test('with keep-both, files whose name has the maximum length are stored beside each other', async (t) => {
  const gateway = await startTestGateway(t, { onPathExists: 'keep-both' });
  const name = `${'x'.repeat(251)}.csv`;
  for (const content of ['first', 'second']) {
    await gateway.addFile('a.txt', content);
    const { status, body } = await gateway.collect({ runtimePath: 'a.txt', destinationPath: name });
    assert.deepEqual([status, body.name], [200, name]);
    assert.equal((await gateway.call('GET', `/v1/files/${body.id}/content`)).body, content);
  }
});

const likeNames: [what: string, ...paths: string[]][] = [
  ['case', '/out/A.csv', '/out/a.csv', '/OUT/A.CSV'],
  ['the form of Unicode', '/caf\u00e9.csv', '/cafe\u0301.csv'],
  ['dots and spaces at the end', '/b.csv', '/b.csv.', '/b.csv '],
];

for (const [what, ...paths] of likeNames) {
  test(`paths that differ in ${what} are files of their own, on any file system`, async (t) => {
    const gateway = await startTestGateway(t);
    const made: { id: string; destinationPath: string }[] = [];
    for (const destinationPath of paths) {
      await gateway.addFile('a.txt', destinationPath);
      const { status, body } = await gateway.collect({ runtimePath: 'a.txt', destinationPath });
      assert.deepEqual([status, body.path], [200, destinationPath]);
      made.push({ id: body.id, destinationPath });
    }
    const entries = await readdir(join(gateway.storageDir, 'files'), {
      recursive: true,
      withFileTypes: true,
    });
    const files = entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name));
    assert.deepEqual([files.length, new Set(files.map(foldLocation)).size], [paths.length, paths.length]);
    for (const { id, destinationPath } of made) {
      assert.equal((await gateway.call('GET', `/v1/files/${id}/content`)).body, destinationPath);
    }
  });
}

test('a path is free again when its file could not be written, and stays readable on disk', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a.txt');
  const temporaryDir = join(gateway.storageDir, 'tmp');
  await rename(temporaryDir, `${temporaryDir}-away`);
  assert.equal((await gateway.collect({ runtimePath: 'a.txt', destinationPath: '/x.txt' })).status, 503);
  await rename(`${temporaryDir}-away`, temporaryDir);
  assert.equal((await gateway.collect({ runtimePath: 'a.txt', destinationPath: '/x.txt' })).status, 200);
  assert.deepEqual(await readdir(join(gateway.storageDir, 'files')), ['x.txt']);
});

const TOO_LONG = 'The path is too long: a name has at most 255 bytes, and the whole path 1,024.';

test('a name of 255 bytes is stored, and one more byte or a long path is refused with the field', async (t) => {
  const gateway = await startTestGateway(t);
  const deep = `${'d'.repeat(200)}/`.repeat(5);
  await gateway.addFile('a.txt');
  await gateway.addFile(`${deep}a.txt`);
  const { status, body } = await gateway.collect({
    runtimePath: 'a.txt',
    destinationPath: `/${'é'.repeat(127)}x`,
  });
  assert.equal(status, 200);
  for (const [request, field] of [
    [{ runtimePath: 'a.txt', destinationPath: `/${'é'.repeat(128)}` }, 'destinationPath'],
    [{ runtimePath: 'a.txt', destinationPath: `/${deep}${'x'.repeat(20)}` }, 'destinationPath'],
    [{ runtimePath: `${deep}a.txt` }, 'runtimePath'],
  ] as const) {
    const refused = await gateway.collect(request);
    const { code, error, details } = refused.body;
    assert.deepEqual(
      [refused.status, code, error, details],
      [400, 'storage_file.path_invalid', TOO_LONG, { field }],
    );
  }
  const archive = { name: `${'x'.repeat(252)}.zip` };
  const refused = await gateway.call('POST', `/v1/runs/${body.runId}/files/export`, { body: archive });
  assert.deepEqual(
    [refused.status, refused.body.error, refused.body.details],
    [400, TOO_LONG, { field: 'name' }],
  );
});

const wrongDestinations = ['', '/', '/a/', '/a//b', '/a/../b', '/./a', 'a\0b', 'a\nb', 'x'.repeat(256)];

for (const destinationPath of wrongDestinations) {
  test(`a collect to ${JSON.stringify(destinationPath).slice(0, 20)} → 400 storage_file.path_invalid`, async (t) => {
    const gateway = await startTestGateway(t);
    await gateway.addFile('a.txt');
    const { status, body } = await gateway.collect({ runtimePath: 'a.txt', destinationPath });
    assert.deepEqual([status, body.code], [400, 'storage_file.path_invalid']);
  });
}

test('a collect to a path below a stored file, or to that of a stored folder → 400 storage_file.path_invalid', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a.txt');
  assert.equal((await gateway.collect({ runtimePath: 'a.txt', destinationPath: '/x/y' })).status, 200);
  for (const destinationPath of ['/x/y/z', '/x']) {
    const { status, body } = await gateway.collect({ runtimePath: 'a.txt', destinationPath });
    assert.deepEqual([status, body.code], [400, 'storage_file.path_invalid']);
  }
});

test('a storage that cannot be written → 503 storage.unavailable, and the path stays free', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a.txt');
  const temporaryDir = join(gateway.storageDir, 'tmp');
  await rename(temporaryDir, `${temporaryDir}-away`);
  const { status, body } = await gateway.collect({ runtimePath: 'a.txt' });
  assert.deepEqual([status, body.code, body.reasonClass], [503, 'storage.unavailable', 'upstream']);
  await rename(`${temporaryDir}-away`, temporaryDir);
  assert.equal((await gateway.collect({ runtimePath: 'a.txt' })).status, 200);
});

test('every response has its request id as a header, and errors also in the body', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a.txt');
  const good = await gateway.collect({ runtimePath: 'a.txt' });
  const bad = await gateway.collect({ runtimePath: 'b.txt' });
  const unknown = await gateway.call('GET', '/v1/nothing');
  const ids = [good, bad, unknown].map(({ headers }) => headers.get('x-request-id'));
  assert.ok(ids.every((id) => id?.startsWith('req_')));
  assert.equal(new Set(ids).size, 3);
  assert.deepEqual([bad.body.requestId, unknown.body.requestId], ids.slice(1));
});
