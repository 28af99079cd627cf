import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { toPauseMs } from '../../src/activities/invocation-polls.js';
import { createTestActivities, runAttempt, runToEnd } from '../support/activities.js';
import { startServer } from '../support/client.js';
import { startTestGateway } from '../support/gateway.js';
import { startOddProxy, withFields } from '../support/odd-proxy.js';
import { waitFor } from '../support/wait-for.js';

for (const status of ['succeeded', 'failed', 'cancelled', 'timed_out'] as const) {
  test(`a job that ends ${status} is the result, without its output`, async (t) => {
    const gateway = await startTestGateway(t);
    const { runtimeId } = gateway;
    const output = { secret: 'large' };
    const { id } = await gateway.createInvocation({ runtimeId, durationMs: 1_000, status, output });
    const { waitForInvocation } = createTestActivities(t, gateway.url);
    const { result } = await runAttempt(waitForInvocation, { runtimeId, invocationId: id });
    assert.deepEqual([result?.id, result?.status], [id, status]);
    assert.doesNotMatch(JSON.stringify(result), /large/);
    assert.equal(gateway.snapshot().requests.wait, 1, 'one long poll, not many short ones');
  });
}

test('a job that has ended costs one short request', async (t) => {
  const gateway = await startTestGateway(t);
  const { runtimeId } = gateway;
  const { id } = await gateway.createInvocation({ runtimeId, durationMs: 0 });
  const { waitForInvocation } = createTestActivities(t, gateway.url);
  await runAttempt(waitForInvocation, { runtimeId, invocationId: id });
  assert.deepEqual(gateway.snapshot().requests, { 'get-invocation': 1 });
});

test('the error of a failed job is part of the result', async (t) => {
  const gateway = await startTestGateway(t);
  const { runtimeId } = gateway;
  const error = { code: 'page.crashed', message: 'The page crashed.' };
  const { id } = await gateway.createInvocation({ runtimeId, durationMs: 0, error });
  const { waitForInvocation } = createTestActivities(t, gateway.url);
  const { result } = await runAttempt(waitForInvocation, { runtimeId, invocationId: id });
  assert.deepEqual(result?.error, error);
});

test('the next poll follows one that timed out after the pause that the server asks for', async (t) => {
  const times: number[] = [];
  const url = await startServer(t, (_request, response) => {
    times.push(performance.now());
    const job = { id: 'inv_1', runtimeId: 'rt_1', action: 'act' };
    const running = { ...job, status: 'running', waitStatus: 'timeout', retryAfterSeconds: 1.2 };
    const ended = { ...job, status: 'succeeded', waitStatus: 'completed' };
    response.writeHead(200).end(JSON.stringify(times.length < 3 ? running : ended));
  });
  const { waitForInvocation } = createTestActivities(t, url);
  const { result } = await runAttempt(waitForInvocation, { runtimeId: 'rt_1', invocationId: 'inv_1' });
  assert.equal(result?.status, 'succeeded');
  const [, first = 0, second = 0] = times;
  assert.ok(second - first >= 1_190);
});

test('a job that does not exist is a final not_found', async (t) => {
  const gateway = await startTestGateway(t);
  const { waitForInvocation } = createTestActivities(t, gateway.url);
  const input = { runtimeId: gateway.runtimeId, invocationId: '00000000-0000-4000-8000-000000000000' };
  const { failure } = await runAttempt(waitForInvocation, input);
  assert.deepEqual([failure?.type, failure?.nonRetryable], ['not_found', true]);
  assert.match(failure?.message ?? '', /^invocation 0{8}-/);
});

describe('server failures of a wait', () => {
  const input = { runtimeId: 'rt_1', invocationId: 'inv_1' };

  test('server failures of a wait are final at the tenth in a row', async (t) => {
    const url = await startServer(t, (_request, response) => response.writeHead(500).end());
    const { failure, attempts } = await runToEnd(createTestActivities(t, url).waitForInvocation, input);
    assert.deepEqual([failure?.type, attempts], ['server', 10]);
  });

  test('server failures of a wait are reset by each successful poll', async (t) => {
    let calls = 0;
    const url = await startServer(t, (_request, response) => {
      calls += 1;
      const job = { id: 'inv_1', runtimeId: 'rt_1', action: 'act' };
      if (calls === 10) {
        response.end(JSON.stringify({ ...job, status: 'running', waitStatus: 'timeout' }));
      } else if (calls < 20) {
        response.writeHead(500).end();
      } else {
        response.end(JSON.stringify({ ...job, status: 'succeeded', waitStatus: 'completed' }));
      }
    });
    const { result, attempts } = await runToEnd(createTestActivities(t, url).waitForInvocation, input);
    assert.deepEqual([result?.status, attempts], ['succeeded', 19]);
  });
});

test('cancellation ends the poll within 100 ms and stays a cancellation', async (t) => {
  const gateway = await startTestGateway(t);
  const { runtimeId } = gateway;
  const { id } = await gateway.createInvocation({ runtimeId, durationMs: 60_000 });
  const { waitForInvocation } = createTestActivities(t, gateway.url);
  const env = new MockActivityEnvironment();
  const run = env.run(waitForInvocation, { runtimeId, invocationId: id });
  const rejected = assert.rejects(run, CancelledFailure);
  await waitFor('the request to wait', () => gateway.snapshot().requests.wait === 1);
  const startedMs = performance.now();
  env.cancel('CANCELLED');
  await rejected;
  assert.ok(performance.now() - startedMs < 100);
});

for (const [seconds, pauseMs] of [
  [0, 1_000],
  [0.5, 1_000],
  [7, 7_000],
  [30, 30_000],
  [31, 30_000],
  [3_600, 30_000],
  [2_147_484, 30_000],
  [1e9, 30_000],
] as const) {
  test(`retryAfterSeconds ${seconds} → a pause of ${pauseMs} ms`, () => {
    assert.equal(toPauseMs(seconds), pauseMs);
  });
}

test('the heartbeat shows an unknown status as it is', async (t) => {
  const gateway = await startTestGateway(t);
  const { runtimeId } = gateway;
  const { id } = await gateway.createInvocation({ runtimeId, durationMs: 400 });
  const change = withFields({ status: 'paused' });
  const url = await startOddProxy(t, gateway.url, { method: 'GET', path: /invocations/, times: 1, change });
  const { waitForInvocation } = createTestActivities(t, url);
  const input = { runtimeId, invocationId: id };
  const { result, heartbeatDetails } = await runAttempt(waitForInvocation, input, {
    heartbeatTimeoutMs: 300,
  });
  assert.equal(result?.status, 'succeeded');
  assert.deepEqual(heartbeatDetails, { attempt: 0, checkpoint: { failures: {}, jobStatus: 'paused' } });
});
