import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BctrlClientHooks } from '../../src/bctrl/client-hooks.js';
import { createTestClient } from '../support/client.js';
import { API_KEY, startTestGateway } from '../support/gateway.js';

class Notes implements BctrlClientHooks {
  readonly all: unknown[][] = [];
  onRateLimitPauseMs = 0;
  onRequest(operation: string) {
    this.all.push(['sent', operation]);
  }
  onResponse(operation: string, status: number | undefined) {
    this.all.push(['ended', operation, status]);
  }
  onRateLimitPause(durationMs: number) {
    this.onRateLimitPauseMs += durationMs;
  }
}

describe('the client hooks', () => {
  test('the client hooks see each request under the operation name of the gateway', async (t) => {
    const gateway = await startTestGateway(t);
    await gateway.addFile('a.txt');
    const { runtimeId } = gateway;
    const { id } = await gateway.createInvocation({ runtimeId, durationMs: 0 });
    const hooks = new Notes();
    const client = createTestClient(t, gateway.url, { hooks });
    const { activeRunId } = await client.getRuntime(runtimeId);
    await client.collectFile(runtimeId, { runtimePath: 'a.txt' });
    await client.listFiles({ runtimeId });
    await client.waitForInvocation(runtimeId, id, 0);
    await client.getInvocation(id);
    await client.exportRunFiles(String(activeRunId), {}, { idempotencyKey: '1' });
    await client.stopRuntime(runtimeId);
    await client.whoami();
    const { requests, responses } = gateway.snapshot();
    const ended = hooks.all.filter(([what]) => what === 'ended');
    assert.deepEqual(
      new Set(ended.map(([, operation, status]) => `${operation} ${status}`)),
      new Set(Object.entries(responses).flatMap(([name, by]) => Object.keys(by).map((s) => `${name} ${s}`))),
    );
    assert.equal(ended.length, Object.keys(requests).length);
    assert.equal(hooks.all.length, 2 * ended.length);
  });

  for (const [kind, status] of [
    ['drop-response', undefined],
    ['truncated-response', undefined],
    ['reset', undefined],
    ['malformed-response', 200],
  ] as const) {
    test(`the client hooks see ${status ?? 'no status'} after ${kind}`, async (t) => {
      const gateway = await startTestGateway(t, { faults: [{ operation: 'whoami', fault: { kind } }] });
      const hooks = new Notes();
      await assert.rejects(createTestClient(t, gateway.url, { hooks }).whoami());
      assert.deepEqual(hooks.all, [
        ['sent', 'whoami'],
        ['ended', 'whoami', status],
      ]);
    });
  }

  test('the client hooks see nothing of a request that was not sent', async (t) => {
    const hooks = new Notes();
    const client = createTestClient(t, 'http://127.0.0.1:9', { hooks });
    await assert.rejects(client.whoami({ signal: AbortSignal.abort() }));
    assert.deepEqual(hooks.all, []);
  });

  test('the client hooks see how long a rate limit has paused requests', async (t) => {
    const headers = { 'retry-after': '1' };
    const faults = [{ operation: '*', times: 1, fault: { kind: 'respond', status: 429, headers } } as const];
    const gateway = await startTestGateway(t, { faults, apiKeys: [API_KEY] });
    const hooks = new Notes();
    const client = createTestClient(t, gateway.url, { hooks, maxRateLimitPauseMs: 200 });
    await assert.rejects(client.whoami());
    assert.equal(hooks.onRateLimitPauseMs, 0);
    await client.whoami();
    assert.ok(
      hooks.onRateLimitPauseMs > 190 && hooks.onRateLimitPauseMs < 1_000,
      `${hooks.onRateLimitPauseMs}`,
    );
  });
});
