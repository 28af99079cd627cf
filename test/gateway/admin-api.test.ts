import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { startTestGateway } from '../support/gateway.js';

test('the snapshot counts requests and responses, and lists the committed files', async (t) => {
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
    responses: { collect: { 200: 1, 404: 1, 400: 1 }, 'list-files': { 401: 1 } },
    faults: {},
    inFlight: 0,
    files: [{ id, path, runtimeId, metadata, createdAt, runtimePath: '/workspace/a' }],
  });
  assert.equal(maxInFlight, 1);
});

test('GET /_gateway/snapshot returns the snapshot without an API key', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  await gateway.collect({ runtimePath: 'a' });
  const response = await fetch(`${gateway.url}/_gateway/snapshot`);
  assert.deepEqual(await response.json(), gateway.snapshot());
});

test('GET /_gateway/health needs no API key, meets no fault and is not counted', async (t) => {
  const fault = { kind: 'respond', status: 503 } as const;
  const gateway = await startTestGateway(t, { faults: [{ operation: '*', fault }] });
  const response = await fetch(`${gateway.url}/_gateway/health`);
  assert.deepEqual([response.status, await response.text()], [204, '']);
  assert.deepEqual(gateway.snapshot().requests, {});
});

test('PUT /_gateway/faults replaces the fault rules', async (t) => {
  const gateway = await startTestGateway(t);
  const body = [{ operation: 'whoami', fault: { kind: 'respond', status: 503 } }];
  assert.equal((await gateway.call('PUT', '/_gateway/faults', { body })).status, 204);
  assert.equal((await gateway.call('GET', '/v1/auth/whoami')).status, 503);
  assert.equal((await gateway.call('PUT', '/_gateway/faults', { body: [] })).status, 204);
  assert.equal((await gateway.call('GET', '/v1/auth/whoami')).status, 200);
});

test('PUT /_gateway/api-keys and setApiKeys replace the keys that are accepted', async (t) => {
  const gateway = await startTestGateway(t);
  const whoami = async (key: string) =>
    (await gateway.call('GET', '/v1/auth/whoami', { headers: { authorization: `Bearer ${key}` } })).status;
  const body = ['key-1', 'key-2'];
  assert.equal((await gateway.call('PUT', '/_gateway/api-keys', { body })).status, 204);
  assert.deepEqual(await Promise.all([gateway.apiKey, ...body].map(whoami)), [401, 200, 200]);
  gateway.setApiKeys(['key-2']);
  assert.deepEqual(await Promise.all(body.map(whoami)), [401, 200]);
  assert.equal((await gateway.call('PUT', '/_gateway/api-keys', { body: {} })).status, 400);
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
  test(`PUT /_gateway/faults with ${JSON.stringify(body)} → 400 that names the wrong field`, async (t) => {
    const gateway = await startTestGateway(t);
    const response = await gateway.call('PUT', '/_gateway/faults', { body });
    assert.equal(response.status, 400);
    assert.match(response.body.error, message);
  });
}

test('POST /_gateway/invocations creates an invocation', async (t) => {
  const gateway = await startTestGateway(t);
  const body = { runtimeId: gateway.runtimeId, durationMs: 0, output: [1] };
  const { status, body: invocation } = await gateway.call('POST', '/_gateway/invocations', { body });
  assert.equal(status, 201);
  assert.deepEqual((await gateway.call('GET', `/v1/invocations/${invocation.id}`)).body, invocation);
});

test('POST /_gateway/invocations refuses wrong options and unknown runtimes', async (t) => {
  const gateway = await startTestGateway(t);
  const create = async (body: unknown) =>
    (await gateway.call('POST', '/_gateway/invocations', { body })).body;
  const { runtimeId } = gateway;
  assert.deepEqual((await create({ runtimeId, durationMs: -1 })).details, { field: 'durationMs' });
  assert.deepEqual((await create({ runtimeId, durationMs: 0, status: 'done' })).details, { field: 'status' });
  assert.equal((await create({ runtimeId: randomUUID(), durationMs: 0 })).code, 'runtime.not_found');
});
