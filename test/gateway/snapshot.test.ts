import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { startTestGateway } from '../support/gateway.js';

test('the snapshot count requests and answers, and list what was committed', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  const { body: file } = await gateway.collect({ runtimePath: '/workspace/a', metadata: { k: 1 } });
  await gateway.collect({ runtimePath: 'missing' });
  await gateway.collect({});
  await gateway.call('GET', '/v1/files', { headers: { authorization: '' } });
  const { id, path, runtimeId, metadata, createdAt } = file;
  const { maxInFlight, ...snapshot } = gateway.snapshot();
  assert.deepEqual(snapshot, {
    requests: { collect: 3, 'list-files': 1 },
    answers: { collect: { 200: 1, 404: 1, 400: 1 }, 'list-files': { 401: 1 } },
    faults: {},
    inFlight: 0,
    files: [{ id, path, runtimeId, metadata, createdAt, runtimePath: '/workspace/a' }],
  });
  assert.equal(maxInFlight, 1);
});

test('another process sees the same snapshot, without an API key', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  await gateway.collect({ runtimePath: 'a' });
  const answer = await fetch(`${gateway.url}/_gateway/snapshot`);
  assert.deepEqual(await answer.json(), gateway.snapshot());
});

test('the health path answers without an API key, whatever the faults, and is in no snapshot', async (t) => {
  const fault = { kind: 'respond', status: 503 } as const;
  const gateway = await startTestGateway(t, { faults: [{ operation: '*', fault }] });
  const answer = await fetch(`${gateway.url}/_gateway/health`);
  assert.deepEqual([answer.status, await answer.text()], [204, '']);
  assert.deepEqual(gateway.snapshot().requests, {});
});

test('another process can set the faults', async (t) => {
  const gateway = await startTestGateway(t);
  const body = [{ operation: 'whoami', fault: { kind: 'respond', status: 503 } }];
  assert.equal((await gateway.call('PUT', '/_gateway/faults', { body })).status, 204);
  assert.equal((await gateway.call('GET', '/v1/auth/whoami')).status, 503);
  assert.equal((await gateway.call('PUT', '/_gateway/faults', { body: [] })).status, 204);
  assert.equal((await gateway.call('GET', '/v1/auth/whoami')).status, 200);
});

const wrongFaults: [body: unknown, message: RegExp][] = [
  [{}, /^faults: /],
  [[{ operation: 'collect' }], /^faults\[0\]\.fault: /],
  [[{ operation: 'colect', fault: { kind: 'reset' } }], /^faults\[0\]\.operation: /],
  [[{ operation: '*', fault: { kind: 'explode' } }], /^faults\[0\]\.fault\.kind: /],
  [[{ operation: '*', fault: { kind: 'respond', status: 99 } }], /^faults\[0\]\.fault\.status: /],
  [[{ operation: '*', fault: { kind: 'delay' } }], /^faults\[0\]\.fault\.delayMs: /],
  [[{ operation: '*', share: 2, fault: { kind: 'reset' } }], /^faults\[0\]\.share: /],
  [[{ operation: '*', tmies: 2, fault: { kind: 'reset' } }], /^faults\[0\]: .*tmies/],
];

for (const [body, message] of wrongFaults) {
  test(`wrong faults are refused with their place: ${message.source}`, async (t) => {
    const gateway = await startTestGateway(t);
    const answer = await gateway.call('PUT', '/_gateway/faults', { body });
    assert.equal(answer.status, 400);
    assert.match(answer.body.error, message);
  });
}

test('another process can create an invocation', async (t) => {
  const gateway = await startTestGateway(t);
  const body = { runtimeId: gateway.runtimeId, durationMs: 0, output: [1] };
  const { status, body: invocation } = await gateway.call('POST', '/_gateway/invocations', { body });
  assert.equal(status, 201);
  assert.deepEqual((await gateway.call('GET', `/v1/invocations/${invocation.id}`)).body, invocation);
});

test('a wrong invocation is refused', async (t) => {
  const gateway = await startTestGateway(t);
  const create = async (body: unknown) =>
    (await gateway.call('POST', '/_gateway/invocations', { body })).body;
  const { runtimeId } = gateway;
  assert.deepEqual((await create({ runtimeId, durationMs: -1 })).details, { field: 'durationMs' });
  assert.deepEqual((await create({ runtimeId, durationMs: 0, status: 'done' })).details, { field: 'status' });
  assert.equal((await create({ runtimeId: randomUUID(), durationMs: 0 })).code, 'runtime.not_found');
});
