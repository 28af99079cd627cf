import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { FaultRule } from '../../src/testing.js';
import { createTestActivities, runAttempt, runToEnd } from '../support/activities.js';
import { startTestGateway } from '../support/gateway.js';

const UNKNOWN = '00000000-0000-4000-8000-000000000000';

async function setUp(t: TestContext, faults: FaultRule[] = []) {
  const gateway = await startTestGateway(t, { faults });
  await gateway.addFile('a.txt');
  const activities = createTestActivities(t, gateway.url);
  const { runtimeId } = gateway;
  return { gateway, runtimeId, ...activities };
}

describe('getActiveRun', () => {
  test('getActiveRun returns the run of an active runtime', async (t) => {
    const { gateway, runtimeId, getActiveRun } = await setUp(t);
    const { body } = await gateway.collect({ runtimePath: 'a.txt' });
    assert.equal((await runAttempt(getActiveRun, { runtimeId })).result, body.runId);
  });

  test('getActiveRun of a stopped runtime is a final conflict', async (t) => {
    const { gateway, runtimeId, getActiveRun } = await setUp(t);
    await gateway.call('POST', `/v1/runtimes/${runtimeId}/stop`);
    const { failure } = await runAttempt(getActiveRun, { runtimeId });
    assert.deepEqual([failure?.type, failure?.nonRetryable], ['conflict', true]);
    assert.equal(failure?.message, `runtime ${runtimeId}: the runtime has no active run`);
  });
});

describe('stopRuntime', () => {
  test('stopRuntime stops a runtime, and succeeds if it is already stopped', async (t) => {
    const { gateway, runtimeId, stopRuntime } = await setUp(t);
    for (const _ of [1, 2])
      assert.deepEqual((await runAttempt(stopRuntime, { runtimeId })).failure, undefined);
    const { body } = await gateway.call('GET', `/v1/runtimes/${runtimeId}`);
    assert.equal(body.status, 'stopped');
  });

  test('stopRuntime of an unknown runtime is a final not_found', async (t) => {
    const { stopRuntime } = await setUp(t);
    const { failure } = await runAttempt(stopRuntime, { runtimeId: UNKNOWN });
    assert.deepEqual([failure?.type, failure?.nonRetryable], ['not_found', true]);
  });

  test('stopRuntime is retried after a 503', async (t) => {
    const faults: FaultRule[] = [
      { operation: 'stop-runtime', times: 2, fault: { kind: 'respond', status: 503 } },
    ];
    const { runtimeId, stopRuntime } = await setUp(t, faults);
    assert.equal((await runToEnd(stopRuntime, { runtimeId })).attempts, 3);
  });
});

describe('exportRunFiles', () => {
  const toInput = (runId: string) => ({ runId, name: 'all.zip', idempotencyKey: 'wörkflow\n1/archive' });

  test('exportRunFiles creates one archive in all attempts, whatever characters the key has', async (t) => {
    const faults: FaultRule[] = [{ operation: 'export', times: 2, fault: { kind: 'drop-response' } }];
    const { gateway, exportRunFiles } = await setUp(t, faults);
    const { body } = await gateway.collect({ runtimePath: 'a.txt' });
    const { result, attempts } = await runToEnd(exportRunFiles, toInput(body.runId));
    assert.equal(attempts, 3);
    assert.equal(result?.name, 'all.zip');
    const archives = gateway.snapshot().files.filter(({ runtimePath }) => runtimePath === null);
    assert.deepEqual(
      archives.map(({ id }) => id),
      [result?.id],
    );
  });

  test('exportRunFiles of an unknown run is a final not_found', async (t) => {
    const { exportRunFiles } = await setUp(t);
    const { failure } = await runAttempt(exportRunFiles, toInput(UNKNOWN));
    assert.deepEqual([failure?.type, failure?.nonRetryable], ['not_found', true]);
  });
});

test('an invalid input is a final invalid_input that names the field', async (t) => {
  const { getActiveRun, stopRuntime, exportRunFiles } = await setUp(t);
  for (const [activity, field] of [
    [getActiveRun, 'runtimeId'],
    [stopRuntime, 'runtimeId'],
    [exportRunFiles, 'runId'],
  ] as const) {
    const others = activity === exportRunFiles ? { idempotencyKey: 'key' } : {};
    for (const id of [undefined, '', '\ud800', 'x'.repeat(501), 'a\nb']) {
      const { failure } = await runAttempt<unknown>(activity, { ...others, [field]: id });
      assert.deepEqual([failure?.type, failure?.nonRetryable], ['invalid_input', true]);
      assert.match(failure?.message ?? '', new RegExp(`^${field}: `));
    }
  }
});
