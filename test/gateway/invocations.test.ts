import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { InvocationOptions } from '../../src/testing.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';

const HOUR_MS = 3_600_000;

async function startWithInvocation(t: TestContext, options: Omit<InvocationOptions, 'runtimeId'>) {
  const gateway = await startTestGateway(t);
  const { runtimeId } = gateway;
  const { id, createdAt } = await gateway.createInvocation({ runtimeId, ...options });
  const path = `/v1/runtimes/${runtimeId}/invocations/${id}/wait`;
  const wait = (request?: Parameters<TestGateway['call']>[2]) => gateway.call('POST', path, request);
  return { gateway, id, createdAt, wait };
}

test('an invocation runs for its duration and then has its final status and output', async (t) => {
  let now = Date.parse('2025-03-01T12:00:00.000Z');
  const gateway = await startTestGateway(t, { now: () => now });
  const { runtimeId } = gateway;
  const output = { files: ['/workspace/a'] };
  const created = await gateway.createInvocation({ runtimeId, durationMs: 90_000, output });
  const get = async () => (await gateway.call('GET', `/v1/invocations/${created.id}`)).body;
  assert.deepEqual(await get(), created);
  assert.deepEqual([created.status, created.action, 'output' in created], ['running', 'act', false]);
  now += 89_999;
  assert.equal((await get()).status, 'running');
  now += 1;
  assert.deepEqual(await get(), {
    ...created,
    status: 'succeeded',
    output,
    finishedAt: '2025-03-01T12:01:30.000Z',
    durationSeconds: 90,
  });
});

test('an invocation with an error ends as failed, unless it has a status', async (t) => {
  const gateway = await startTestGateway(t);
  const error = { code: 'agent.gave_up', message: 'No luck.', details: { steps: 3 } };
  const common = { runtimeId: gateway.runtimeId, durationMs: 0, error };
  const failed = await gateway.createInvocation(common);
  const timedOut = await gateway.createInvocation({ ...common, status: 'timed_out', action: 'extract' });
  assert.deepEqual([failed.status, failed.error], ['failed', error]);
  assert.deepEqual([timedOut.status, timedOut.action], ['timed_out', 'extract']);
});

test('an invocation needs an active runtime', async (t) => {
  const gateway = await startTestGateway(t);
  await assert.rejects(gateway.createInvocation({ runtimeId: randomUUID(), durationMs: 0 }), {
    code: 'runtime.not_found',
  });
  await gateway.call('POST', `/v1/runtimes/${gateway.runtimeId}/stop`);
  await assert.rejects(gateway.createInvocation({ runtimeId: gateway.runtimeId, durationMs: 0 }), {
    code: 'runtime.not_active',
  });
});

test('a wait returns when the invocation finishes', async (t) => {
  const { createdAt, wait } = await startWithInvocation(t, { durationMs: 300, output: 7 });
  const { status, body } = await wait();
  const durationMs = Date.now() - Date.parse(createdAt);
  assert.deepEqual([status, body.waitStatus, body.status, body.output], [200, 'completed', 'succeeded', 7]);
  assert.ok(durationMs >= 300 && durationMs < 5_000, `took ${durationMs} ms`);
});

test('a wait for a finished invocation returns at once', async (t) => {
  const { wait } = await startWithInvocation(t, { durationMs: 0 });
  const { body } = await wait();
  assert.deepEqual([body.waitStatus, 'retryAfterSeconds' in body], ['completed', false]);
});

test('a wait that times out says so, and when to retry', async (t) => {
  const { wait } = await startWithInvocation(t, { durationMs: HOUR_MS });
  for (const timeoutSeconds of [0, 0.05]) {
    const { status, body } = await wait({ body: { timeoutSeconds } });
    assert.deepEqual([status, body.status, body.waitStatus], [200, 'running', 'timeout']);
    assert.equal(body.retryAfterSeconds, 1);
  }
});

test('a wait with an invalid timeout → 400', async (t) => {
  const { wait } = await startWithInvocation(t, { durationMs: HOUR_MS });
  for (const timeoutSeconds of [-1, '5', null]) {
    const { status, body } = await wait({ body: { timeoutSeconds } });
    assert.deepEqual([status, body.details], [400, { field: 'timeoutSeconds' }]);
  }
});

test('an unknown invocation, or a wait at another runtime → 404 invocation.not_found', async (t) => {
  const { gateway, id } = await startWithInvocation(t, { durationMs: 0 });
  const other = await gateway.createRuntime();
  const responses = [
    await gateway.call('GET', `/v1/invocations/${randomUUID()}`),
    await gateway.call('POST', `/v1/runtimes/${gateway.runtimeId}/invocations/${randomUUID()}/wait`),
    await gateway.call('POST', `/v1/runtimes/${other}/invocations/${id}/wait`),
  ];
  for (const { status, body } of responses)
    assert.deepEqual([status, body.code], [404, 'invocation.not_found']);
});

test('a client that leaves ends its wait', { timeout: 10_000 }, async (t) => {
  const { gateway, wait } = await startWithInvocation(t, { durationMs: HOUR_MS });
  const client = new AbortController();
  const aborted = assert.rejects(wait({ signal: client.signal }), { name: 'AbortError' });
  await waitFor('the wait to begin', () => gateway.snapshot().inFlight === 1);
  client.abort();
  await aborted;
  await waitFor('the wait to end', () => gateway.snapshot().inFlight === 0);
});

test('closing the gateway ends all waits at once', { timeout: 10_000 }, async (t) => {
  const { gateway, wait } = await startWithInvocation(t, { durationMs: HOUR_MS });
  const waits = Array.from({ length: 20 }, () => assert.rejects(wait()));
  await waitFor('20 waits', () => gateway.snapshot().inFlight === 20);
  await gateway.close();
  await Promise.all(waits);
  assert.equal(gateway.snapshot().inFlight, 0);
});
