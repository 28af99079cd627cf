import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type IdStyle, startGateway } from '../../src/testing.js';
import { callApi, createTestFolder, startTestGateway } from '../support/gateway.js';
import { startGatewayProcess } from '../support/gateway-process.js';

const runtimeIds: Record<IdStyle, string> = {
  uuid: '11111111-2222-4333-8444-555555555555',
  prefixed: 'rt_1111111122224333844455',
};
const RUNTIME_ID = runtimeIds.uuid;

async function createFolders(t: TestContext, runtimeId = RUNTIME_ID) {
  const folder = await createTestFolder(t);
  const folders = { workspaceDir: join(folder, 'workspace'), storageDir: join(folder, 'storage') };
  const root = join(folders.workspaceDir, runtimeId);
  await mkdir(root, { recursive: true });
  for (const name of ['a', 'b', 'c']) await writeFile(join(root, name), name);
  return folders;
}

function collect(url: string, runtimePath: string, runtimeId = RUNTIME_ID) {
  return callApi(url, 'POST', `/v1/runtimes/${runtimeId}/files/collect`, { body: { runtimePath } });
}

for (const [idStyle, runtimeId] of Object.entries(runtimeIds) as [IdStyle, string][]) {
  test(`a gateway killed with SIGKILL gives the same responses after a restart, with ${idStyle} ids`, {
    timeout: 60_000,
  }, async (t) => {
    const folders = await createFolders(t, runtimeId);
    const options = { ...folders, idStyle };
    const first = await startGatewayProcess(t, options);
    const { body: a } = await collect(first.url, 'a', runtimeId);
    await collect(first.url, 'b', runtimeId);
    const { body: exported } = await callApi(first.url, 'POST', `/v1/runs/${a.runId}/files/export`, {
      headers: { 'idempotency-key': 'k' },
    });
    const { body: invocation } = await callApi(first.url, 'POST', '/_gateway/invocations', {
      body: { runtimeId, durationMs: 0, output: 1 },
    });
    await callApi(first.url, 'POST', `/v1/runtimes/${runtimeId}/stop`);
    const paths = [
      '/v1/files',
      `/v1/files/${a.id}`,
      `/v1/files/${a.id}/content`,
      `/v1/invocations/${invocation.id}`,
      `/v1/runtimes/${runtimeId}`,
      `/v1/runs/${a.runId}`,
    ];
    const getAll = async (url: string) => {
      const responses = await Promise.all(paths.map((path) => callApi(url, 'GET', path)));
      // The port changes with the restart.
      return JSON.stringify(responses.map(({ status, body }) => [status, body])).replaceAll(url, '');
    };
    const before = await getAll(first.url);
    first.child.kill('SIGKILL');
    await first.ended;

    const second = await startGatewayProcess(t, options);
    assert.equal(await getAll(second.url), before);
    const again = await callApi(second.url, 'POST', `/v1/runs/${a.runId}/files/export`, {
      headers: { 'idempotency-key': 'k' },
    });
    assert.equal(again.body.id, exported.id);
    const download = new URL(a.downloadUrl);
    assert.equal((await callApi(second.url, 'GET', download.pathname + download.search)).body, 'a');
  });
}

test('a gateway killed during many collects has every file that a client was told of', {
  timeout: 60_000,
}, async (t) => {
  const folders = await createFolders(t);
  const root = join(folders.workspaceDir, RUNTIME_ID);
  for (let index = 0; index < 300; index += 1) await writeFile(join(root, `f${index}`), `bytes ${index}`);
  const first = await startGatewayProcess(t, folders);
  const acknowledged: string[] = [];
  const collects = Array.from({ length: 300 }, async (_, index) => {
    const { body } = await collect(first.url, `f${index}`);
    acknowledged.push(body.id);
    if (acknowledged.length === 50) first.child.kill('SIGKILL');
  });
  await Promise.allSettled(collects);
  await first.ended;

  const second = await startGateway(folders);
  try {
    const files = new Map(second.snapshot().files.map((file) => [file.id, file]));
    assert.ok(acknowledged.length >= 50);
    assert.ok(acknowledged.every((id) => files.has(id)));
    for (const { id, runtimePath } of files.values()) {
      const { body } = await callApi(second.url, 'GET', `/v1/files/${id}/content`);
      assert.equal(body, `bytes ${runtimePath?.slice(1)}`);
    }
    const statuses = await Promise.all(
      Array.from({ length: 300 }, async (_, index) => (await collect(second.url, `f${index}`)).status),
    );
    assert.equal(statuses.filter((status) => status === 409).length, files.size);
    assert.equal(statuses.filter((status) => status === 200).length, 300 - files.size);
  } finally {
    await second.close();
  }
});

test('an invocation advances while the gateway is down', async (t) => {
  const folders = await createFolders(t);
  let now = Date.parse('2025-03-01T12:00:00.000Z');
  const first = await startGateway({ ...folders, now: () => now });
  const { id } = await first.createInvocation({ runtimeId: RUNTIME_ID, durationMs: 60_000 });
  await first.close();
  now += 60_000;
  const second = await startGateway({ ...folders, now: () => now });
  const { body } = await callApi(second.url, 'GET', `/v1/invocations/${id}`);
  await second.close();
  assert.deepEqual([body.status, body.finishedAt], ['succeeded', '2025-03-01T12:01:00.000Z']);
});

test('an incomplete last journal line is dropped, and later entries are kept', async (t) => {
  const folders = await createFolders(t);
  const journal = join(folders.storageDir, 'journal.jsonl');
  const first = await startGateway(folders);
  await collect(first.url, 'a');
  await first.close();
  await appendFile(journal, '{"kind":"file-created","file":{"id":"ü');

  const second = await startGateway(folders);
  assert.equal(second.snapshot().files.length, 1);
  await collect(second.url, 'b');
  await second.close();

  const third = await startGateway(folders);
  const names = third.snapshot().files.map(({ runtimePath }) => runtimePath);
  await third.close();
  assert.deepEqual(names, ['a', 'b']);
});

test('a complete last journal line without its newline is kept, and later entries follow it', async (t) => {
  const folders = await createFolders(t);
  const journal = join(folders.storageDir, 'journal.jsonl');
  const first = await startGateway(folders);
  await collect(first.url, 'a');
  await first.close();
  const text = await readFile(journal, 'utf8');
  await writeFile(journal, text.trimEnd());

  const second = await startGateway(folders);
  assert.equal(await readFile(journal, 'utf8'), text);
  await collect(second.url, 'b');
  await second.close();

  const third = await startGateway(folders);
  const names = third.snapshot().files.map(({ runtimePath }) => runtimePath);
  await third.close();
  assert.deepEqual(names, ['a', 'b']);
});

const damages: [damage: string, from: string | RegExp, to: string, problem: string][] = [
  ['no JSON', '{', '[', 'it is not JSON'],
  ['empty', /^.*$/, '', 'it is not JSON'],
  [
    'of an unknown kind',
    'file-created',
    'x',
    "kind: Invalid discriminator value. Expected 'file-created' | 'invocation-created' | 'runtime-stopped'",
  ],
  [
    'of a wrong field',
    /"sizeBytes":\d+/,
    '"sizeBytes":"1"',
    'file.sizeBytes: Invalid input: expected number, received string',
  ],
  [
    'of a location outside',
    /"location":"[^"]*/,
    '"location":"/../x',
    'file.location: must be a path below the storage',
  ],
  ['no UTF-8', '"a"', '"\xff"', 'it is not UTF-8'],
];

for (const [damage, from, to, problem] of damages) {
  test(`a journal line that is ${damage} makes the start fail with file, line and remedy`, async (t) => {
    const folders = await createFolders(t);
    const first = await startGateway(folders);
    for (const name of ['b', 'a', 'c']) await collect(first.url, name);
    await first.close();
    const journal = join(folders.storageDir, 'journal.jsonl');
    const lines = (await readFile(journal, 'latin1')).split('\n');
    lines[1] = lines[1]?.replace(from, to) ?? '';
    await writeFile(journal, lines.join('\n'), 'latin1');
    const message = `${journal}:2: not a journal entry: ${problem}; repair or remove the line, or use another storage`;
    await assert.rejects(startGateway(folders), { message });
  });
}

test('a job that never ends still runs after a restart', async (t) => {
  const folders = await createFolders(t);
  const first = await startGateway(folders);
  const { id } = await first.createInvocation({
    runtimeId: RUNTIME_ID,
    durationMs: Number.POSITIVE_INFINITY,
  });
  await first.close();
  const second = await startGateway(folders);
  t.after(() => second.close());
  const { body } = await callApi(second.url, 'GET', `/v1/invocations/${id}`);
  assert.equal(body.status, 'running');
});

test('without room for the journal → 503 and no file, until there is room again', {
  // Other systems have no prlimit.
  skip: process.platform !== 'linux',
  timeout: 60_000,
}, async (t) => {
  const folders = await createFolders(t);
  const { url, child } = await startGatewayProcess(t, folders);
  const journal = join(folders.storageDir, 'journal.jsonl');
  assert.equal((await collect(url, 'a')).status, 200);
  const before = await readFile(journal, 'utf8');
  const limit = (bytes: number | string) =>
    execFileSync('prlimit', ['--pid', String(child.pid), `--fsize=${bytes}:unlimited`]);
  limit(Buffer.byteLength(before) + 40);
  for (const response of [
    await collect(url, 'b'),
    await callApi(url, 'POST', '/_gateway/invocations', { body: { runtimeId: RUNTIME_ID, durationMs: 0 } }),
    await callApi(url, 'POST', `/v1/runtimes/${RUNTIME_ID}/stop`),
  ]) {
    assert.deepEqual([response.status, response.body.code], [503, 'storage.unavailable']);
  }
  assert.equal(await readFile(journal, 'utf8'), before);
  const stored = await readdir(join(folders.storageDir, 'files'), { recursive: true, withFileTypes: true });
  assert.deepEqual(
    stored.filter((entry) => entry.isFile()).map(({ name }) => name),
    ['a'],
  );
  limit('unlimited');
  assert.equal((await collect(url, 'b')).status, 200);
  assert.equal((await readFile(journal, 'utf8')).split('\n').length, 3);
});

test('temporary files of a crashed gateway are removed at the start', async (t) => {
  const folders = await createFolders(t);
  const temporaryDir = join(folders.storageDir, 'tmp');
  await mkdir(join(temporaryDir, 'a'), { recursive: true });
  await writeFile(join(temporaryDir, 'a', 'a-left-behind'), '');
  const gateway = await startGateway(folders);
  await gateway.close();
  assert.deepEqual(await readdir(temporaryDir), []);
});

test('a closed gateway refuses connections, and its snapshot stays readable', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  await gateway.collect({ runtimePath: 'a' });
  await gateway.close();
  await assert.rejects(gateway.collect({ runtimePath: 'a' }));
  assert.equal(gateway.snapshot().files.length, 1);
});
