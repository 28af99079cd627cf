import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type GatewayOptions, startGateway } from '../../src/testing.js';
import { callApi, createTestFolder, startTestGateway, type TestGateway } from '../support/gateway.js';

/** Collects the files n0, n1, …, one second apart. */
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

async function list(
  gateway: Pick<TestGateway, 'call'>,
  query: Record<string, string> | [string, string][] = {},
) {
  const { status, body } = await gateway.call('GET', `/v1/files?${new URLSearchParams(query)}`);
  assert.equal(status, 200);
  return { names: body.data.map((file: { name: string }) => file.name) as string[], next: body.nextCursor };
}

test('files are listed newest first, each as collect returned it', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  await gateway.addFile('b');
  const first = await gateway.collect({ runtimePath: 'a', metadata: { x: 1 } });
  const second = await gateway.collect({ runtimePath: 'b' });
  const { body } = await gateway.call('GET', '/v1/files');
  assert.deepEqual(body, { data: [second.body, first.body], nextCursor: null });
});

test('a listing without files is an empty page', async (t) => {
  const gateway = await startTestGateway(t);
  assert.deepEqual(await list(gateway), { names: [], next: null });
});

test('the last full page has no cursor', async (t) => {
  const gateway = await startWithFiles(t, 4);
  const first = await list(gateway, { limit: '2' });
  const second = await list(gateway, { limit: '2', cursor: first.next });
  assert.deepEqual([first.names, second.names, second.next], [['n3', 'n2'], ['n1', 'n0'], null]);
});

test('a page has at most 50 files by default', async (t) => {
  const gateway = await startWithFiles(t, 51);
  assert.equal((await list(gateway)).names.length, 50);
  assert.equal((await list(gateway, { limit: '100' })).names.length, 51);
});

test('files that are added while a client pages do not shift the later pages', async (t) => {
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
  const other = await gateway.createRuntime();
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

test('each filter narrows the list', async (t) => {
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
    test(`GET /v1/files?${field}=${value} → 400 request.invalid`, async (t) => {
      const gateway = await startTestGateway(t);
      const { status, body } = await gateway.call('GET', `/v1/files?${field}=${encodeURIComponent(value)}`);
      assert.deepEqual([status, body.code, body.details], [400, 'request.invalid', { field }]);
    });
  }
}

test('a clock that steps back does not change the order', async (t) => {
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

const LAG_MS = 5_000;

/** A clock that goes on by `advance`, and whose wall time can also step. */
function createClock() {
  let [wallMs, monotonicMs] = [Date.parse('2025-03-01T12:00:00.000Z'), 0];
  const step = (ms: number) => {
    wallMs += ms;
  };
  return {
    options: { listLagMs: LAG_MS, now: () => wallMs, monotonicNow: () => monotonicMs },
    step,
    advance(ms: number) {
      step(ms);
      monotonicMs += ms;
    },
    /** The monotonic clock of another process starts anywhere. */
    reboot() {
      monotonicMs = 1_000_000;
    },
  };
}

async function startWithLag(
  t: TestContext,
  folders: Pick<GatewayOptions, 'workspaceDir' | 'storageDir'> = {},
) {
  const clock = createClock();
  const gateway = await startTestGateway(t, { ...folders, ...clock.options });
  for (const name of ['a', 'b', 'c']) await gateway.addFile(name);
  return { gateway, clock };
}

test('with a list lag, a file is listed when the lag is over, and not a millisecond before', async (t) => {
  const { gateway, clock } = await startWithLag(t);
  const { body } = await gateway.collect({ runtimePath: 'a' });
  const { runtimeId, runId, path } = body;
  const filters = [{}, { runtimeId }, { runId }, { path }];
  for (const [aheadMs, names] of [[0, []] as const, [LAG_MS - 1, []] as const, [1, ['a']] as const]) {
    clock.advance(aheadMs);
    for (const filter of filters)
      assert.deepEqual((await list(gateway, filter)).names, names, Object.keys(filter)[0]);
  }
});

test('with a list lag, every other endpoint knows a file at once', async (t) => {
  const { gateway } = await startWithLag(t);
  const { body: file } = await gateway.collect({ runtimePath: 'a' });
  assert.deepEqual((await gateway.call('GET', `/v1/files/${file.id}`)).body, file);
  assert.equal((await gateway.call('GET', `/v1/files/${file.id}/content`)).body, 'a');
  const again = await gateway.collect({ runtimePath: 'a' });
  assert.deepEqual([again.status, again.body.code], [409, 'storage_file.path_exists']);
  const { body: archive } = await gateway.call('POST', `/v1/runs/${file.runId}/files/export`);
  assert.ok(archive.sizeBytes > 100, 'the archive has the file');
  assert.equal(gateway.snapshot().files.length, 2);
});

test('with a list lag, pages hold older files only, and their cursors continue', async (t) => {
  const { gateway, clock } = await startWithLag(t);
  for (const runtimePath of ['a', 'b', 'c']) {
    await gateway.collect({ runtimePath });
    clock.advance(1_000);
  }
  // Now b is exactly as old as the lag.
  clock.advance(LAG_MS - 2_000);
  const first = await list(gateway, { limit: '1' });
  clock.advance(LAG_MS);
  const second = await list(gateway, { limit: '1', cursor: first.next });
  assert.deepEqual([first.names, second.names, second.next], [['b'], ['a'], null]);
  assert.deepEqual((await list(gateway)).names, ['c', 'b', 'a']);
});

for (const stepMs of [3_600_000, -3_600_000]) {
  test(`with a list lag, a wall clock that steps by ${stepMs} ms neither hides nor shows a file`, async (t) => {
    const { gateway, clock } = await startWithLag(t);
    await gateway.collect({ runtimePath: 'a' });
    clock.step(stepMs);
    await gateway.collect({ runtimePath: 'b' });
    clock.advance(LAG_MS - 1);
    assert.deepEqual((await list(gateway)).names, []);
    clock.advance(1);
    assert.deepEqual((await list(gateway)).names, ['b', 'a']);
  });
}

const restarts: [title: string, stepMs: number, remainingMs: number][] = [
  ['a file is hidden for the rest of the lag', 0, LAG_MS - 1_000],
  ['a wall clock that stepped ahead shows it at once', 3_600_000, 0],
  ['a wall clock that stepped back shows it at once, as it may be old', -3_600_000, 0],
];

for (const [title, stepMs, remainingMs] of restarts) {
  test(`with a list lag, after a restart ${title}`, async (t) => {
    const folders = { workspaceDir: await createTestFolder(t), storageDir: await createTestFolder(t) };
    const { gateway, clock } = await startWithLag(t, folders);
    await gateway.collect({ runtimePath: 'a' });
    await gateway.close();
    clock.advance(1_000);
    clock.step(stepMs);
    clock.reboot();
    const again = await startGateway({ ...folders, ...clock.options });
    t.after(() => again.close());
    const call: TestGateway['call'] = (method, path) => callApi(again.url, method, path);
    if (remainingMs > 0) {
      clock.advance(remainingMs - 1);
      assert.deepEqual((await list({ call })).names, []);
      clock.advance(1);
    }
    assert.deepEqual((await list({ call })).names, ['a']);
  });
}
