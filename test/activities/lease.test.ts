import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledFailure } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { Lease } from '../../src/activities/lease.js';
import type { BctrlClientHooks } from '../../src/bctrl/client-hooks.js';
import { createTestActivities, runAttempt } from '../support/activities.js';
import { startTestGateway } from '../support/gateway.js';

const TIMEOUT_MS = 300;
const DURATION_MS = 200;

test('a lease expires two thirds of the heartbeat timeout after its last renewal', async () => {
  const lease = new Lease(TIMEOUT_MS);
  assert.equal(lease.isValid, true);
  await sleep(DURATION_MS + 20);
  assert.deepEqual([lease.isValid, lease.signal.aborted], [false, true]);
  await lease.renew();
  assert.equal(lease.isValid, false, 'an expired lease cannot be renewed');
});

test('a renewed lease stays valid', async () => {
  const lease = new Lease(TIMEOUT_MS);
  for (let renewals = 0; renewals < 5; renewals += 1) {
    await sleep(DURATION_MS / 3);
    await lease.renew();
  }
  assert.equal(lease.isValid, true);
});

test('a lease is not renewed while Temporal does not respond', async () => {
  const lease = new Lease(TIMEOUT_MS, () => Promise.reject(new Error('unavailable')));
  for (let renewals = 0; renewals < 5; renewals += 1) {
    await sleep(DURATION_MS / 3);
    await lease.renew();
  }
  assert.equal(lease.isValid, false);
});

test('a lease counts from when Temporal was asked, not from its response', async () => {
  const lease = new Lease(TIMEOUT_MS, async () => {
    const askedMs = performance.now();
    await sleep(DURATION_MS / 2);
    return askedMs;
  });
  await lease.renew();
  await sleep(DURATION_MS / 2 + 20);
  assert.equal(lease.isValid, false);
});

test('a lease without a heartbeat timeout never expires', async () => {
  const lease = new Lease(undefined);
  await sleep(20);
  assert.equal(lease.isValid, true);
});

test('an activity with a heartbeat timeout of 0, which means none, runs', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a.txt');
  const { collectRuntimeFile } = createTestActivities(t, gateway.url);
  const input = { runtimeId: gateway.runtimeId, runtimePath: 'a.txt', checkExistingFirst: true };
  assert.ok((await runAttempt(collectRuntimeFile, input, { heartbeatTimeoutMs: 0 })).result);
});

test('one failed confirmation does not end the lease', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a.txt');
  const faults = [{ operation: 'collect', fault: { kind: 'delay', delayMs: 1_200 } }] as const;
  gateway.setFaults([...faults]);
  const { collectRuntimeFile } = createTestActivities(t, gateway.url);
  let asked = 0;
  const workflowService = {
    getSystemInfo: async () => {
      asked += 1;
      if (asked % 2 === 1) throw new Error('unavailable');
    },
  };
  const withAbortSignal = <T>(_signal: AbortSignal, work: () => T) => work();
  const env = new MockActivityEnvironment(
    { heartbeatTimeoutMs: 600 },
    { client: { workflowService, withAbortSignal } as unknown as Client },
  );
  assert.ok(await env.run(collectRuntimeFile, { runtimeId: gateway.runtimeId, runtimePath: 'a.txt' }));
  assert.ok(asked >= 8, `${asked} confirmations`);
});

test('a queued request is not sent if the lease has expired by its turn', async (t) => {
  const gateway = await startTestGateway(t);
  for (const path of ['a', 'b']) await gateway.addFile(path);
  const { runtimeId } = gateway;
  let requests = 0;
  const hooks: BctrlClientHooks = {
    onRequest() {
      requests += 1;
    },
    // Blocks the event loop between two requests, as if the process were frozen.
    onResponse() {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, DURATION_MS + 20);
    },
    onRateLimitPause() {},
  };
  const { collectRuntimeFile } = createTestActivities(t, gateway.url, {
    client: { maxRequests: 1, hooks },
  });
  const collect = (runtimePath: string) =>
    runAttempt(collectRuntimeFile, { runtimeId, runtimePath }, { heartbeatTimeoutMs: TIMEOUT_MS });
  const [sent, waited] = await Promise.all([collect('a'), collect('b')]);
  assert.ok(sent.result);
  assert.ok(waited.thrown instanceof CancelledFailure);
  assert.equal(requests, 1);
});
