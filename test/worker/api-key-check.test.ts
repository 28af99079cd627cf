import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { FaultRule } from '../../src/testing.js';
import { ApiKeyCheck } from '../../src/worker/api-key-check.js';
import { createTestClient } from '../support/client.js';
import { startTestGateway } from '../support/gateway.js';

const respondWith = (status: number): FaultRule[] => [{ operation: '*', fault: { kind: 'respond', status } }];

async function setUp(t: TestContext, faults: FaultRule[] = []) {
  const gateway = await startTestGateway(t, { faults });
  const clock = { nowMs: 0 };
  const check = new ApiKeyCheck(createTestClient(t, gateway.url), () => clock.nowMs);
  return { gateway, clock, check, requestCount: () => gateway.snapshot().requests.whoami };
}

test('the key is checked on demand, and not again for 30 seconds', async (t) => {
  const { clock, check, requestCount } = await setUp(t);
  assert.deepEqual(await Promise.all([check.problem(), check.problem()]), [undefined, undefined]);
  clock.nowMs = 29_999;
  await check.problem();
  assert.equal(requestCount(), 1);
  clock.nowMs = 30_000;
  await check.problem();
  assert.equal(requestCount(), 2);
});

for (const [status, problem] of [
  [401, /whoami returned 401/],
  [403, /returned 403/],
  [500, /returned 500/],
  [429, undefined],
] as const) {
  test(`a response with status ${status} is ${problem === undefined ? 'no' : 'a'} problem`, async (t) => {
    const { check } = await setUp(t, respondWith(status));
    const actual = await check.problem();
    if (problem === undefined) assert.equal(actual, undefined);
    else assert.match(actual ?? '', problem);
  });
}

test('an unreachable API is a problem', async (t) => {
  const check = new ApiKeyCheck(createTestClient(t, 'http://127.0.0.1:9'));
  assert.match((await check.problem()) ?? '', /got no response: ECONNREFUSED/);
});

test('a response that contradicts the last check triggers a new one', async (t) => {
  const { gateway, check, requestCount } = await setUp(t);
  await check.problem();
  gateway.setFaults(respondWith(401));
  check.onResponse('collect', 200);
  check.onResponse('collect', 503);
  assert.equal(await check.problem(), undefined);
  check.onResponse('collect', 401);
  assert.match((await check.problem()) ?? '', /401/);
  check.onResponse('collect', 401);
  await check.problem();
  assert.equal(requestCount(), 2);
  gateway.setFaults([]);
  check.onResponse('collect', 200);
  assert.equal(await check.problem(), undefined);
});
