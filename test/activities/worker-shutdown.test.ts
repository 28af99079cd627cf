import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import { createActivitiesOfWorker } from '../../src/activities/create-activities.js';
import { WorkerShutdown } from '../../src/activities/worker-shutdown.js';
import type { Duration } from '../../src/shared/duration.js';
import { runAttempt } from '../support/activities.js';
import { createTestClient } from '../support/client.js';
import { startTestGateway } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';

/** The environment of tests has one of a second. */
const noDeadline = { scheduleToCloseTimeoutMs: 0 };

/** Follows a worker that stops and ends when it is told to. */
function startWorker(shutdown: WorkerShutdown) {
  let state = 'RUNNING';
  const ended = new AbortController();
  const worker = { client: undefined, getState: () => state };
  const followed = shutdown.follow(worker, () => once(ended.signal, 'abort').then(() => undefined));
  return {
    worker,
    stop() {
      state = 'DRAINING';
    },
    async end() {
      state = 'STOPPED';
      ended.abort();
      await followed;
    },
  };
}

describe('the activities of a worker that stops', () => {
  async function setUp(t: TestContext, listSettleTime: Duration) {
    const gateway = await startTestGateway(t, { onPathExists: 'keep-both' });
    const paths = Array.from({ length: 100 }, (_, index) => `${index}.txt`);
    await gateway.writeFiles(gateway.runtimeId, Object.fromEntries(paths.map((path) => [path, path])));
    const shutdown = new WorkerShutdown();
    const client = createTestClient(t, gateway.url, { maxRequests: 4 });
    const { collectRuntimeFiles } = createActivitiesOfWorker({ client, listSettleTime }, shutdown);
    const input = {
      runtimeId: gateway.runtimeId,
      collectionKey: 'wf/run',
      files: paths.map((runtimePath) => ({ runtimePath })),
    };
    return { gateway, shutdown, collectRuntimeFiles, input };
  }

  test('let the requests in flight end, send no other, and leave the rest to the next attempt', async (t) => {
    const { gateway, shutdown, collectRuntimeFiles, input } = await setUp(t, '0s');
    gateway.setFaults([{ operation: 'collect', fault: { kind: 'delay', delayMs: 500 } }]);
    const { stop, end } = startWorker(shutdown);
    const attempt = runAttempt(collectRuntimeFiles, input, noDeadline);
    await waitFor('four requests', () => gateway.snapshot().inFlight === 4);
    stop();
    const { failure, heartbeatDetails } = await attempt;
    await end();
    const { collect = 0 } = gateway.snapshot().requests;
    assert.ok(collect <= 12, `${collect} requests`);
    assert.equal(gateway.snapshot().files.length, collect);
    assert.match(failure?.message ?? '', /the worker is shutting down$/);
    assert.deepEqual([failure?.nonRetryable, failure?.nextRetryDelay], [false, 1]);

    const next = startWorker(shutdown);
    gateway.setFaults([]);
    const { result } = await runAttempt(collectRuntimeFiles, input, { attempt: 2, heartbeatDetails });
    await next.end();
    assert.equal(result?.filter(({ outcome }) => outcome === 'collected').length, 100);
    const { requests, files } = gateway.snapshot();
    assert.deepEqual([requests['list-files'] ?? 0, requests.collect, files.length], [0, 100, 100]);
  });

  test('leave the rest of the settle time to the delay of the next attempt', async (t) => {
    const { gateway, shutdown, collectRuntimeFiles, input } = await setUp(t, '1m');
    const { stop, end } = startWorker(shutdown);
    const attempt = runAttempt(collectRuntimeFiles, { ...input, checkExistingFirst: true }, noDeadline);
    stop();
    const { failure } = await attempt;
    await end();
    assert.ok(Number(failure?.nextRetryDelay) > 50_000, `${failure?.nextRetryDelay}`);
    const { requests } = gateway.snapshot();
    assert.deepEqual([requests.collect, requests['list-files']], [undefined, undefined]);
  });
});

describe('the signal of several workers with the same activities', () => {
  test('aborts when the last one stops', async () => {
    const shutdown = new WorkerShutdown();
    const [first, second] = [startWorker(shutdown), startWorker(shutdown)];
    await first.end();
    assert.equal(shutdown.signal.aborted, false);
    await second.end();
    assert.equal(shutdown.signal.aborted, true);
  });

  test('is another one for a worker that starts while the others stop', async () => {
    const shutdown = new WorkerShutdown();
    const first = startWorker(shutdown);
    first.stop();
    await waitFor('the signal', () => shutdown.signal.aborted);
    const second = startWorker(shutdown);
    assert.equal(shutdown.signal.aborted, false);
    await first.end();
    assert.equal(shutdown.signal.aborted, false);
    await second.end();
  });

  test('is not touched by a second run of the same worker', async () => {
    const shutdown = new WorkerShutdown();
    const { worker, end } = startWorker(shutdown);
    await assert.rejects(shutdown.follow(worker, () => Promise.reject(new Error('already started'))));
    assert.equal(shutdown.signal.aborted, false);
    await end();
  });
});
