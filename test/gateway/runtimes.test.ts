import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTestFolder, startTestGateway } from '../support/gateway.js';
import { assertSafeForTerminal } from '../support/terminal-safety.js';

test('a workspace folder is an active runtime with an active run', async (t) => {
  const gateway = await startTestGateway(t);
  const { body: runtime } = await gateway.call('GET', `/v1/runtimes/${gateway.runtimeId}`);
  const { body: run } = await gateway.call('GET', `/v1/runs/${runtime.activeRunId}`);
  assert.deepEqual([runtime.id, runtime.status, runtime.latestRun], [gateway.runtimeId, 'active', run]);
  assert.deepEqual([run.runtimeId, run.spaceId, run.status], [runtime.id, runtime.spaceId, 'active']);
  assert.ok(!('finishedAt' in run));
});

test('a collected file belongs to the active run', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  const { body: runtime } = await gateway.call('GET', `/v1/runtimes/${gateway.runtimeId}`);
  const { body: file } = await gateway.collect({ runtimePath: 'a' });
  assert.deepEqual([file.runId, file.spaceId], [runtime.activeRunId, runtime.spaceId]);
});

test('stopping a runtime ends its run; stopping it again → 409 runtime.not_active', async (t) => {
  const now = Date.now() + 90_000;
  const gateway = await startTestGateway(t, { now: () => now });
  const path = `/v1/runtimes/${gateway.runtimeId}`;
  const { body: before } = await gateway.call('GET', path);
  const stop = await gateway.call('POST', `${path}/stop`);
  const { activeRunId: runId } = before;
  assert.deepEqual(stop.body, { runtimeId: gateway.runtimeId, runId, status: 'stopped', stopped: true });
  const { body: after } = await gateway.call('GET', path);
  assert.deepEqual([after.status, after.activeRunId], ['stopped', null]);
  const { body: run } = await gateway.call('GET', `/v1/runs/${runId}`);
  assert.deepEqual([run.status, run.finishedAt], ['stopped', new Date(now).toISOString()]);
  assert.equal(run.durationSeconds, (now - Date.parse(run.startedAt)) / 1_000);
  const again = await gateway.call('POST', `${path}/stop`);
  assert.deepEqual(
    [again.status, again.body.code, again.body.reasonClass],
    [409, 'runtime.not_active', 'conflict'],
  );
});

test('a folder that appears while the gateway runs is a runtime, and a file is not', async (t) => {
  const gateway = await startTestGateway(t);
  const folder = await gateway.createRuntime();
  const file = randomUUID();
  await writeFile(join(gateway.workspaceDir, file), '');
  assert.equal((await gateway.call('GET', `/v1/runtimes/${folder}`)).status, 200);
  assert.equal((await gateway.call('GET', `/v1/runtimes/${file}`)).status, 404);
});

test('an unknown runtime → 404 runtime.not_found, and an unknown run → 404 run.not_found', async (t) => {
  const gateway = await startTestGateway(t);
  const getCode = async (method: string, path: string) => (await gateway.call(method, path)).body.code;
  assert.equal(await getCode('GET', `/v1/runtimes/${randomUUID()}`), 'runtime.not_found');
  assert.equal(await getCode('POST', `/v1/runtimes/${randomUUID()}/stop`), 'runtime.not_found');
  assert.equal(await getCode('GET', `/v1/runs/${randomUUID()}`), 'run.not_found');
});

test('an unexpected error → 500, and a stack trace on stderr that a terminal only shows', async (t) => {
  const workspaceDir = join(await createTestFolder(t), 'a\u001b[2Jb');
  await mkdir(workspaceDir);
  const gateway = await startTestGateway(t, { workspaceDir });
  await rmdir(join(workspaceDir, gateway.runtimeId));
  await rmdir(workspaceDir);
  const printed = t.mock.method(console, 'error', () => {});
  assert.equal((await gateway.call('GET', `/v1/runs/${randomUUID()}`)).status, 500);
  const [text, ...more] = printed.mock.calls.flatMap((call) => call.arguments as unknown[]);
  assert.match(String(text), /^Error: ENOENT: .*a \[2Jb'\n {4}at readdirSync/);
  assert.deepEqual(more, []);
  assertSafeForTerminal(String(text));
});

test('whoami returns the ids of the API key and its account', async (t) => {
  const gateway = await startTestGateway(t);
  const { body: runtime } = await gateway.call('GET', `/v1/runtimes/${gateway.runtimeId}`);
  const { status, body } = await gateway.call('GET', '/v1/auth/whoami');
  assert.deepEqual(Object.keys(body).sort(), ['defaultSpaceId', 'keyId', 'organizationId', 'plan', 'scope']);
  assert.deepEqual([status, body.defaultSpaceId], [200, runtime.spaceId]);
});

test('an unknown path or method → 404 route.not_found', async (t) => {
  const gateway = await startTestGateway(t);
  const unknown = [
    ['GET', '/'],
    ['GET', '/v1'],
    ['GET', '/v2/files'],
    ['DELETE', '/v1/files'],
    ['GET', `/v1/runtimes/${gateway.runtimeId}/files/collect`],
    ['POST', '/v1/auth/whoami'],
  ] as const;
  for (const [method, path] of unknown) {
    const { status, body } = await gateway.call(method, path);
    assert.deepEqual([status, body.code, body.reasonClass], [404, 'route.not_found', 'not_found'], path);
  }
});
