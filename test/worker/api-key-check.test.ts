import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { FaultRule } from '../../src/testing.js';
import { ApiKeyCheck } from '../../src/worker/api-key-check.js';
import { createTestClient } from '../support/client.js';
import { startTestGateway } from '../support/gateway.js';

const answering = (status: number): FaultRule[] => [{ operation: '*', fault: { kind: 'respond', status } }];

async function setUp(t: TestContext, faults: FaultRule[] = []) {
  const gateway = await startTestGateway(t, { faults });
  const clock = { nowMs: 0 };
  const check = new ApiKeyCheck(createTestClient(t, gateway.url), () => clock.nowMs);
  return { gateway, clock, check, asked: () => gateway.snapshot().requests.whoami };
}

test('the key is checked when somebody asks, and not again for 30 seconds', async (t) => {
  const { clock, check, asked } = await setUp(t);
  assert.deepEqual(await Promise.all([check.problem(), check.problem()]), [undefined, undefined]);
  clock.nowMs = 29_999;
  await check.problem();
  assert.equal(asked(), 1);
  clock.nowMs = 30_000;
  await check.problem();
  assert.equal(asked(), 2);
});

for (const [status, problem] of [
  [401, /whoami returned 401/],
  [403, /returned 403/],
  [500, /returned 500/],
  [429, undefined],
] as const) {
  test(`an answer of ${status} is ${problem === undefined ? 'no' : 'a'} problem`, async (t) => {
    const { check } = await setUp(t, answering(status));
    const said = await check.problem();
    if (problem === undefined) assert.equal(said, undefined);
    else assert.match(said ?? '', problem);
  });
}

test('an API that is not reachable is a problem', async (t) => {
  const check = new ApiKeyCheck(createTestClient(t, 'http://127.0.0.1:9'));
  assert.match((await check.problem()) ?? '', /got no response: ECONNREFUSED/);
});

test('a request that says otherwise than the last check has it repeated', async (t) => {
  const { gateway, check, asked } = await setUp(t);
  await check.problem();
  gateway.setFaults(answering(401));
  check.onResponse('collect', 200);
  check.onResponse('collect', 503);
  assert.equal(await check.problem(), undefined);
  check.onResponse('collect', 401);
  assert.match((await check.problem()) ?? '', /401/);
  check.onResponse('collect', 401);
  await check.problem();
  assert.equal(asked(), 2);
  gateway.setFaults([]);
  check.onResponse('collect', 200);
  assert.equal(await check.problem(), undefined);
});
