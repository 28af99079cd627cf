import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BctrlClientObserver } from '../../src/bctrl/client-observer.js';
import { createTestClient } from '../support/client.js';
import { API_KEY, startTestGateway } from '../support/gateway.js';

class Notes implements BctrlClientObserver {
  readonly all: unknown[][] = [];
  heldBackMs = 0;
  requestSent(operation: string) {
    this.all.push(['sent', operation]);
  }
  requestEnded(operation: string, status: number | undefined) {
    this.all.push(['ended', operation, status]);
  }
  heldBack(durationMs: number) {
    this.heldBackMs += durationMs;
  }
}

describe('an observer learns', () => {
  test('of each request, by the name that the gateway has for it', async (t) => {
    const gateway = await startTestGateway(t);
    await gateway.addFile('a.txt');
    const { runtimeId } = gateway;
    const { id } = await gateway.createInvocation({ runtimeId, durationMs: 0 });
    const observer = new Notes();
    const client = createTestClient(t, gateway.url, { observer });
    const { activeRunId } = await client.getRuntime(runtimeId);
    await client.collectFile(runtimeId, { runtimePath: 'a.txt' });
    await client.listFiles({ runtimeId });
    await client.waitForInvocation(runtimeId, id, 0);
    await client.getInvocation(id);
    await client.exportRunFiles(String(activeRunId), {}, { idempotencyKey: '1' });
    await client.stopRuntime(runtimeId);
    await client.whoami();
    const { requests, answers } = gateway.books();
    const ended = observer.all.filter(([what]) => what === 'ended');
    assert.deepEqual(
      new Set(ended.map(([, operation, status]) => `${operation} ${status}`)),
      new Set(Object.entries(answers).flatMap(([name, by]) => Object.keys(by).map((s) => `${name} ${s}`))),
    );
    assert.equal(ended.length, Object.keys(requests).length);
    assert.equal(observer.all.length, 2 * ended.length);
  });

  for (const [kind, status] of [
    ['lose-answer', undefined],
    ['truncate-answer', undefined],
    ['reset', undefined],
    ['garbage-answer', 200],
  ] as const) {
    test(`${status ?? 'no status'} after ${kind}`, async (t) => {
      const gateway = await startTestGateway(t, { faults: [{ operation: 'whoami', fault: { kind } }] });
      const observer = new Notes();
      await assert.rejects(createTestClient(t, gateway.url, { observer }).whoami());
      assert.deepEqual(observer.all, [
        ['sent', 'whoami'],
        ['ended', 'whoami', status],
      ]);
    });
  }

  test('nothing of a request that was not sent', async (t) => {
    const observer = new Notes();
    const client = createTestClient(t, 'http://127.0.0.1:9', { observer });
    await assert.rejects(client.whoami({ signal: AbortSignal.abort() }));
    assert.deepEqual(observer.all, []);
  });

  test('for how long a rate limit has held requests back', async (t) => {
    const headers = { 'retry-after': '1' };
    const faults = [{ operation: '*', times: 1, fault: { kind: 'answer', status: 429, headers } } as const];
    const gateway = await startTestGateway(t, { faults, apiKeys: [API_KEY] });
    const observer = new Notes();
    const client = createTestClient(t, gateway.url, { observer, longestPauseMs: 200 });
    await assert.rejects(client.whoami());
    assert.equal(observer.heldBackMs, 0);
    await client.whoami();
    assert.ok(observer.heldBackMs > 190 && observer.heldBackMs < 1_000, `${observer.heldBackMs}`);
  });
});
