import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ActivityCancellationDetails, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createActivities } from '../../src/activities/create-activities.js';
import { fileKey } from '../../src/shared/keys.js';
import type { FaultRule, GatewayOptions } from '../../src/testing.js';
import { createTestActivities, runAttempt, runToEnd } from '../support/activities.js';
import { createTestClient } from '../support/client.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { startOddProxy, withFields, withStatus } from '../support/odd-proxy.js';
import { waitFor } from '../support/wait-for.js';

/** The gateway's listing lags this much, and the activities wait a little longer. */
const LAG_MS = 300;
const SETTLE_MS = 450;

const once = { operation: 'collect', times: 1 } as const;
const lost: FaultRule = { ...once, fault: { kind: 'drop-response' } };

async function setUp(t: TestContext, options: Partial<GatewayOptions> = {}) {
  const gateway = await startTestGateway(t, { onPathExists: 'keep-both', ...options });
  await gateway.addFile('a.txt', 'hello');
  const activities = createTestActivities(t, gateway.url, { listSettleTime: SETTLE_MS });
  const input = { runtimeId: gateway.runtimeId, runtimePath: 'a.txt', collectionKey: 'wf/run' };
  return { gateway, input, ...activities };
}

const madeBy = (gateway: TestGateway) => gateway.snapshot().files.length;

async function timed<T>(work: Promise<T>): Promise<T & { elapsedMs: number }> {
  const startedMs = performance.now();
  return { ...(await work), elapsedMs: performance.now() - startedMs };
}

describe('a listing that lags', () => {
  test('after a lost response, the retry delay covers the settling time', async (t) => {
    const { gateway, input, collectRuntimeFile } = await setUp(t, { listLagMs: LAG_MS, faults: [lost] });
    const first = await runAttempt(collectRuntimeFile, input);
    // The table says one second; the settling time may be longer.
    assert.equal(first.failure?.nextRetryDelay, 1_000);
    const slow = createTestActivities(t, gateway.url, { listSettleTime: '7s' });
    gateway.setFaults([lost]);
    const late = await runAttempt(slow.collectRuntimeFile, {
      ...input,
      runtimePath: 'a.txt',
      destinationPath: '/b',
    });
    assert.equal(late.failure?.nextRetryDelay, 7_000);

    await sleep(SETTLE_MS);
    const info = { attempt: 2, heartbeatDetails: first.heartbeatDetails };
    const second = await timed(runAttempt(collectRuntimeFile, input, info));
    assert.equal(second.result?.id, gateway.snapshot().files[0]?.id);
    assert.ok(second.elapsedMs < LAG_MS, 'it waited twice');
  });

  test('an attempt after a lost one waits for the listing to settle', async (t) => {
    const { gateway, input, collectRuntimeFile } = await setUp(t, { listLagMs: LAG_MS });
    await runAttempt(collectRuntimeFile, input);
    const { result, elapsedMs } = await timed(runAttempt(collectRuntimeFile, input, { attempt: 2 }));
    assert.equal(result?.id, gateway.snapshot().files[0]?.id);
    assert.ok(elapsedMs >= SETTLE_MS - 5, `${elapsedMs} ms`);
    assert.equal(madeBy(gateway), 1);
  });

  test('a run with checkExistingFirst waits once for all of its activities', async (t) => {
    const { gateway, input, collectRuntimeFile } = await setUp(t, { listLagMs: LAG_MS });
    await runAttempt(collectRuntimeFile, input);
    const again = { ...input, checkExistingFirst: true };
    assert.ok((await timed(runAttempt(collectRuntimeFile, again))).elapsedMs >= SETTLE_MS - 5);
    assert.ok((await timed(runAttempt(collectRuntimeFile, again))).elapsedMs < LAG_MS);
    assert.equal(madeBy(gateway), 1);
  });

  test('a concurrent run adds its heartbeat timeout to the settling time', async (t) => {
    const { input, collectRuntimeFile } = await setUp(t);
    const again = { ...input, checkExistingFirst: true, concurrentRun: true };
    const { elapsedMs } = await timed(runAttempt(collectRuntimeFile, again, { heartbeatTimeoutMs: 300 }));
    assert.ok(elapsedMs >= SETTLE_MS + 300 - 5, `${elapsedMs} ms`);
  });

  test('a file that was requested again is unverified, and verifyCollectedFiles finds the duplicate', async (t) => {
    const { gateway, input, verifyCollectedFiles } = await setUp(t, { listLagMs: LAG_MS, faults: [lost] });
    const { collectRuntimeFile } = createTestActivities(t, gateway.url, { listSettleTime: 0 });
    const { result } = await runToEnd(collectRuntimeFile, input);
    assert.equal(madeBy(gateway), 2, 'without a settling time it is created twice');
    assert.equal(result?.unverified, true);
    const identity = fileKey(input);
    const { runtimeId, collectionKey } = input;
    const verified = await runAttempt(verifyCollectedFiles, {
      runtimeId,
      collectionKey,
      collected: [identity],
      failed: [],
    });
    const [older, younger] = gateway.snapshot().files;
    const found = verified.result?.files[identity];
    assert.deepEqual([found?.fileId, found?.duplicateIds], [older?.id, [younger?.id]]);
  });

  test('a file that was requested twice and then found is unverified', async (t) => {
    const { gateway, input } = await setUp(t, { faults: [{ ...lost, times: 2 }], listLagMs: LAG_MS });
    const { collectRuntimeFile } = createTestActivities(t, gateway.url);
    const first = await runAttempt(collectRuntimeFile, input);
    const second = await runAttempt(collectRuntimeFile, input, {
      attempt: 2,
      heartbeatDetails: first.heartbeatDetails,
    });
    await sleep(LAG_MS);
    const info = { attempt: 3, heartbeatDetails: second.heartbeatDetails };
    const { result } = await runAttempt(collectRuntimeFile, input, info);
    assert.deepEqual([result?.unverified, madeBy(gateway)], [true, 2]);
  });

  test('a file that a lost attempt may have requested again is unverified when it is found', async (t) => {
    const { gateway, input } = await setUp(t, { faults: [{ ...lost, times: 2 }], listLagMs: LAG_MS });
    const { collectRuntimeFile } = createTestActivities(t, gateway.url);
    const { heartbeatDetails } = await runAttempt(collectRuntimeFile, input);
    // Its worker dies before it sends a heartbeat.
    await runAttempt(collectRuntimeFile, input, { attempt: 2, heartbeatDetails });
    await sleep(LAG_MS);
    const { result } = await runAttempt(collectRuntimeFile, input, { attempt: 3, heartbeatDetails });
    assert.deepEqual([result?.unverified, madeBy(gateway)], [true, 2]);
  });

  test('a file that was found without a second request needs no verification', async (t) => {
    const { input, collectRuntimeFile } = await setUp(t, { faults: [lost] });
    const { result } = await runToEnd(collectRuntimeFile, input);
    assert.equal(result?.unverified, undefined);
  });
});

describe('a conflict with a file that the listing does not show', () => {
  const refuse = { onPathExists: 'refuse', listLagMs: LAG_MS } as const;

  test('a conflict with a file that the listing does not show is retried, and finds the own file once it is listed', async (t) => {
    const { gateway, input, collectRuntimeFile } = await setUp(t, refuse);
    await gateway.collect({
      runtimePath: 'a.txt',
      metadata: { temporalCollectionKey: `wf/run/${fileKey(input)}` },
    });
    const first = await runAttempt(collectRuntimeFile, input);
    assert.deepEqual([first.failure?.type, first.failure?.nonRetryable], ['conflict', false]);
    await sleep(LAG_MS);
    const info = { attempt: 2, heartbeatDetails: first.heartbeatDetails };
    assert.equal(
      (await runAttempt(collectRuntimeFile, input, info)).result?.id,
      gateway.snapshot().files[0]?.id,
    );
  });

  test('a conflict with a file that the listing does not show is final once the listing shows a foreign file', async (t) => {
    const { gateway, input, collectRuntimeFile } = await setUp(t, refuse);
    await gateway.collect({ runtimePath: 'a.txt' });
    const first = await runAttempt(collectRuntimeFile, input);
    assert.equal(first.failure?.nonRetryable, false);
    await sleep(LAG_MS);
    const info = { attempt: 2, heartbeatDetails: first.heartbeatDetails };
    const { failure } = await runAttempt(collectRuntimeFile, input, info);
    assert.deepEqual([failure?.type, failure?.nonRetryable], ['conflict', true]);
  });

  test('a conflict with a file that the listing does not show is final and unverified at the fifth time', async (t) => {
    const { gateway, input, collectRuntimeFile } = await setUp(t, {
      onPathExists: 'refuse',
      listLagMs: 3_600_000,
    });
    await gateway.collect({ runtimePath: 'a.txt' });
    const { failure, attempts } = await runToEnd(collectRuntimeFile, input);
    assert.deepEqual([failure?.type, attempts], ['conflict', 5]);
    const [details] = failure?.details ?? [];
    assert.equal((details as { unverified?: true }).unverified, true);
  });

  test('a conflict with a file that the listing does not show is retried if the listing is refused', async (t) => {
    const faults: FaultRule[] = [
      { operation: 'list-files', times: 1, fault: { kind: 'respond', status: 404 } },
    ];
    const { gateway, input, collectRuntimeFile } = await setUp(t, { onPathExists: 'refuse', faults });
    await gateway.collect({ runtimePath: 'a.txt' });
    const { failure } = await runAttempt(collectRuntimeFile, input);
    assert.deepEqual([failure?.type, failure?.nonRetryable], ['conflict', false]);
  });
});

describe('ifExists keeps a file by the path as the API writes it', () => {
  for (const [what, name] of [
    ['long', `${'x'.repeat(150)}.txt`],
    ['like a query', 'page?id=3.html'],
  ] as const) {
    test(`ifExists keeps a file whose path is ${what}`, async (t) => {
      const { gateway, input, collectRuntimeFile } = await setUp(t, { onPathExists: 'refuse' });
      await gateway.addFile(name);
      const there = await gateway.collect({ runtimePath: name });
      const { result } = await runAttempt(collectRuntimeFile, {
        ...input,
        runtimePath: name,
        ifExists: 'keep',
      });
      assert.deepEqual([result?.id, result?.kept], [there.body.id, true]);
    });
  }
});

describe('the key of another account', () => {
  const reset: FaultRule = { ...once, fault: { kind: 'reset' } };
  const otherAccount = { method: 'GET', path: /whoami$/, times: 1 } as const;

  test('the key of another account makes an uncertain file fail with a conflict, without a request', async (t) => {
    const { gateway, input, collectRuntimeFile } = await setUp(t, { faults: [reset] });
    const { heartbeatDetails } = await runAttempt(collectRuntimeFile, input);
    const change = withFields({ organizationId: 'org_2' });
    const other = createTestActivities(t, await startOddProxy(t, gateway.url, { ...otherAccount, change }));
    const { failure } = await runAttempt(other.collectRuntimeFile, input, { attempt: 2, heartbeatDetails });
    assert.deepEqual([failure?.type, failure?.nonRetryable], ['conflict', true]);
    assert.match(
      failure?.message ?? '',
      /^a\.txt: it may have been collected with the API key of another account/,
    );
    assert.deepEqual([gateway.snapshot().requests.collect, madeBy(gateway)], [1, 0]);
  });

  test('the key of another account is not confused with another key of the same account', async (t) => {
    const { gateway, input, collectRuntimeFile } = await setUp(t, {
      faults: [reset],
      apiKeys: ['local-development-key', 'rotated-key'],
    });
    const { heartbeatDetails } = await runAttempt(collectRuntimeFile, input);
    const rotated = createTestActivities(t, gateway.url, { client: { apiKey: 'rotated-key' } });
    const { result } = await runAttempt(rotated.collectRuntimeFile, input, { attempt: 2, heartbeatDetails });
    assert.ok(result);
    assert.equal(madeBy(gateway), 1);
  });

  test('the key of another account is recognized after a worker shutdown: the checkpoint has the account', async (t) => {
    const { gateway, input } = await setUp(t, {
      faults: [{ ...once, fault: { kind: 'delay', delayMs: 10_000 } }],
    });
    const client = createTestClient(t, gateway.url);
    await client.whoami();
    const { collectRuntimeFile } = createActivities({ client, listSettleTime: 0 });
    const env = new MockActivityEnvironment();
    let heartbeatDetails: unknown;
    env.on('heartbeat', (details: unknown) => {
      heartbeatDetails = details;
    });
    const stopped = assert.rejects(env.run(collectRuntimeFile, input), CancelledFailure);
    await waitFor('the collect', () => gateway.snapshot().requests.collect === 1);
    env.cancel('WORKER_SHUTDOWN', new ActivityCancellationDetails({ workerShutdown: true }));
    await stopped;
    const { checkpoint } = heartbeatDetails as { checkpoint: { account?: string } };
    assert.equal(checkpoint.account, client.knownAccount);
  });

  test('the key of another account that cannot be identified now counts as a failed lookup', async (t) => {
    const { gateway, input, collectRuntimeFile } = await setUp(t, { faults: [reset] });
    const { heartbeatDetails } = await runAttempt(collectRuntimeFile, input);
    const change = withStatus(503);
    const other = createTestActivities(t, await startOddProxy(t, gateway.url, { ...otherAccount, change }));
    const { failure } = await runAttempt(other.collectRuntimeFile, input, { attempt: 2, heartbeatDetails });
    assert.deepEqual([failure?.type, failure?.nonRetryable, madeBy(gateway)], ['upstream', false, 0]);
  });
});

describe('a failed lookup', () => {
  test('a failed lookup counts as one failure, not as one per file', async (t) => {
    const gateway = await startTestGateway(t);
    const { collectRuntimeFiles } = createTestActivities(t, gateway.url);
    const files = Array.from({ length: 20 }, (_, index) => ({ runtimePath: `${index}.txt` }));
    for (const { runtimePath } of files) await gateway.addFile(runtimePath);
    gateway.setFaults([{ operation: 'list-files', times: 9, fault: { kind: 'respond', status: 500 } }]);
    const input = { runtimeId: gateway.runtimeId, files, collectionKey: 'wf/run', checkExistingFirst: true };
    const { result, attempts } = await runToEnd(collectRuntimeFiles, input, {
      scheduleToCloseTimeoutMs: 3_600_000,
    });
    assert.equal(attempts, 10, 'the tenth failure would be final');
    assert.deepEqual(new Set(result?.map(({ outcome }) => outcome)), new Set(['collected']));
  });

  test('a failed lookup retries the page and keeps what it found', async (t) => {
    const gateway = await startTestGateway(t, { onPathExists: 'keep-both' });
    const { collectRuntimeFiles } = createTestActivities(t, gateway.url);
    const files = Array.from({ length: 250 }, (_, index) => ({ runtimePath: `${index}.txt` }));
    for (const { runtimePath } of files) await gateway.addFile(runtimePath);
    const input = { runtimeId: gateway.runtimeId, files, collectionKey: 'wf/run' };
    await runAttempt(collectRuntimeFiles, input);
    gateway.setFaults([
      { operation: 'list-files', skip: 1, times: 2, fault: { kind: 'respond', status: 503 } },
    ]);
    const { result } = await runAttempt(collectRuntimeFiles, { ...input, checkExistingFirst: true });
    assert.equal(result?.length, 250);
    const { requests } = gateway.snapshot();
    assert.deepEqual([requests.collect, requests['list-files']], [250, 3 + 2]);
  });

  test('a failed lookup with unread pages leaves the files that it found unverified', async (t) => {
    const { gateway, input } = await setUp(t);
    const { collectRuntimeFiles } = createTestActivities(t, gateway.url);
    const metadata = { temporalCollectionKey: `wf/run/${fileKey(input)}` };
    await gateway.collect({ runtimePath: 'a.txt', metadata });
    for (let index = 0; index < 99; index += 1) await gateway.collect({ runtimePath: 'a.txt' });
    await gateway.collect({ runtimePath: 'a.txt', metadata });
    gateway.setFaults([
      { operation: 'list-files', skip: 1, times: 1, fault: { kind: 'respond', status: 403 } },
    ]);
    const { runtimeId, collectionKey } = input;
    const files = [{ runtimePath: 'a.txt' }, { runtimePath: 'b.txt' }];
    const { result } = await runAttempt(collectRuntimeFiles, {
      runtimeId,
      collectionKey,
      files,
      checkExistingFirst: true,
    });
    assert.deepEqual(
      result?.map(({ outcome, unverified }) => [outcome, unverified]),
      [
        ['collected', true],
        ['failed', true],
      ],
    );
  });

  test('a failed lookup is forgotten after a lookup that succeeds', async (t) => {
    const lookupFailures = { server: 9 };
    const { gateway, input, collectRuntimeFile } = await setUp(t, {
      faults: [{ operation: 'collect', fault: { kind: 'respond', status: 503 } }],
    });
    const files = [{ failures: {}, lookupFromMs: 0 }];
    const checkpoint = { files, consecutiveTrips: 0, lookupFailures, lookupFromMs: 0 };
    const info = { attempt: 2, heartbeatDetails: { attempt: 1, checkpoint } };
    const { heartbeatDetails } = await runAttempt(collectRuntimeFile, input, info);
    const { checkpoint: last } = heartbeatDetails as { checkpoint: { lookupFailures: unknown } };
    assert.deepEqual([last.lookupFailures, gateway.snapshot().requests['list-files']], [{}, 1]);
  });

  test('a failed lookup whose page fails for good keeps the files of earlier pages', async (t) => {
    const gateway = await startTestGateway(t, { onPathExists: 'keep-both' });
    const { collectRuntimeFiles } = createTestActivities(t, gateway.url);
    const files = Array.from({ length: 120 }, (_, index) => ({ runtimePath: `${index}.txt` }));
    for (const { runtimePath } of files) await gateway.addFile(runtimePath);
    const input = { runtimeId: gateway.runtimeId, files, collectionKey: 'wf/run' };
    await runAttempt(collectRuntimeFiles, input);
    gateway.setFaults([
      { operation: 'list-files', skip: 1, times: 1, fault: { kind: 'respond', status: 403 } },
    ]);
    const { result } = await runAttempt(collectRuntimeFiles, { ...input, checkExistingFirst: true });
    const outcomes = result?.map(({ outcome }) => outcome) ?? [];
    assert.equal(outcomes.filter((outcome) => outcome === 'collected').length, 100);
    assert.equal(madeBy(gateway), 120);
  });
});

describe('a lookup uses the clock of the API', () => {
  for (const hours of [-1, 1, 24]) {
    test(`a lookup finds the file although the API's clock is ${hours} h off and the worker is new`, async (t) => {
      const now = () => Date.now() + hours * 3_600_000;
      const { gateway, input, collectRuntimeFile } = await setUp(t, { now });
      await runAttempt(collectRuntimeFile, input);
      const fresh = createTestActivities(t, gateway.url);
      await runAttempt(fresh.collectRuntimeFile, input, { attempt: 2, scheduledTimestampMs: Date.now() });
      assert.equal(madeBy(gateway), 1);
    });
  }
});

test('an attempt sends nothing more after its process was frozen for too long', async (t) => {
  const gateway = await startTestGateway(t);
  const files = Array.from({ length: 50 }, (_, index) => ({ runtimePath: `${index}.txt` }));
  for (const { runtimePath } of files) await gateway.addFile(runtimePath);
  const { collectRuntimeFiles } = createTestActivities(t, gateway.url, {
    client: {
      maxRequests: 1,
      hooks: {
        onRequest() {
          if (gateway.snapshot().requests.collect === 4) stopFor(600);
        },
        onResponse() {},
        onRateLimitPause() {},
      },
    },
  });
  const env = new MockActivityEnvironment({ heartbeatTimeoutMs: 600 });
  const input = { runtimeId: gateway.runtimeId, files, collectionKey: 'wf/run' };
  await assert.rejects(env.run(collectRuntimeFiles, input), (error) => {
    assert.ok(error instanceof CancelledFailure);
    return error.message === 'HEARTBEAT_TIMEOUT';
  });
  assert.ok((gateway.snapshot().requests.collect ?? 0) <= 6, 'only what was in flight');
});

test('a queued request is not sent after the process was frozen', async (t) => {
  const slowDown = { kind: 'respond', status: 429, headers: { 'retry-after': '1' } } as const;
  const { gateway, input } = await setUp(t, { faults: [{ ...once, fault: slowDown }] });
  const { collectRuntimeFile } = createTestActivities(t, gateway.url, {
    client: { maxRateLimitPauseMs: 150 },
  });
  await runAttempt(collectRuntimeFile, input);
  const env = new MockActivityEnvironment({ heartbeatTimeoutMs: 300 });
  const rejected = assert.rejects(env.run(collectRuntimeFile, input), /HEARTBEAT_TIMEOUT/);
  await sleep(20);
  stopFor(600);
  await rejected;
  assert.equal(gateway.snapshot().requests.collect, 1);
});

/** Blocks the event loop, as SIGSTOP would. */
function stopFor(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}
