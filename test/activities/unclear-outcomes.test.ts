import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { fileIdentity } from '../../src/shared/file-identity.js';
import type { FaultRule, GatewayOptions } from '../../src/testing.js';
import { createTestActivities, runAttempt, runToEnd } from '../support/activities.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { startOddProxy, withFields, withStatus } from '../support/odd-proxy.js';

/** The listing of the gateway is this late, and the activities wait so much longer. */
const LAG_MS = 300;
const SETTLE_MS = 450;

const once = { operation: 'collect', times: 1 } as const;
const lost: FaultRule = { ...once, fault: { kind: 'lose-answer' } };

async function setUp(t: TestContext, options: Partial<GatewayOptions> = {}) {
  const gateway = await startTestGateway(t, { onPathExists: 'keep-both', ...options });
  await gateway.addFile('a.txt', 'hello');
  const activities = createTestActivities(t, gateway.url, { listSettleTime: SETTLE_MS });
  const input = { runtimeId: gateway.runtimeId, runtimePath: 'a.txt', collectionKey: 'wf/run' };
  return { gateway, input, ...activities };
}

const madeBy = (gateway: TestGateway) => gateway.books().files.length;

async function timed<T>(work: Promise<T>): Promise<T & { elapsedMs: number }> {
  const startedMs = performance.now();
  return { ...(await work), elapsedMs: performance.now() - startedMs };
}

describe('a list that lags', () => {
  test('is waited for after a lost response, between the attempts', async (t) => {
    const { gateway, input, collectRuntimeFile } = await setUp(t, { listLagMs: LAG_MS, faults: [lost] });
    const first = await runAttempt(collectRuntimeFile, input);
    // In the table it is a second; a listing may take longer.
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
    assert.equal(second.result?.id, gateway.books().files[0]?.id);
    assert.ok(second.elapsedMs < LAG_MS, 'it has been waited for already');
  });

  test('is waited for by the attempt after one that was lost, whose end nobody knows', async (t) => {
    const { gateway, input, collectRuntimeFile } = await setUp(t, { listLagMs: LAG_MS });
    await runAttempt(collectRuntimeFile, input);
    const { result, elapsedMs } = await timed(runAttempt(collectRuntimeFile, input, { attempt: 2 }));
    assert.equal(result?.id, gateway.books().files[0]?.id);
    assert.ok(elapsedMs >= SETTLE_MS - 5, `${elapsedMs} ms`);
    assert.equal(madeBy(gateway), 1);
  });

  test('is waited for once by a run that looks first, however many activities it has', async (t) => {
    const { gateway, input, collectRuntimeFile } = await setUp(t, { listLagMs: LAG_MS });
    await runAttempt(collectRuntimeFile, input);
    const again = { ...input, lookFirst: true };
    assert.ok((await timed(runAttempt(collectRuntimeFile, again))).elapsedMs >= SETTLE_MS - 5);
    assert.ok((await timed(runAttempt(collectRuntimeFile, again))).elapsedMs < LAG_MS);
    assert.equal(madeBy(gateway), 1);
  });

  test('is waited for until the other run of a reset has had to stop', async (t) => {
    const { input, collectRuntimeFile } = await setUp(t);
    const again = { ...input, lookFirst: true, concurrentRun: true };
    const { elapsedMs } = await timed(runAttempt(collectRuntimeFile, again, { heartbeatTimeoutMs: 300 }));
    assert.ok(elapsedMs >= SETTLE_MS + 300 - 5, `${elapsedMs} ms`);
  });

  test('leaves a file that was asked for again unverified, and a last look finds the duplicate', async (t) => {
    const { gateway, input, verifyCollectedFiles } = await setUp(t, { listLagMs: LAG_MS, faults: [lost] });
    const { collectRuntimeFile } = createTestActivities(t, gateway.url, { listSettleTime: 0 });
    const { result } = await runToEnd(collectRuntimeFile, input);
    assert.equal(madeBy(gateway), 2, 'without a settling time it is made twice');
    assert.equal(result?.unverified, true);
    const identity = fileIdentity(input);
    const { runtimeId, collectionKey } = input;
    const verified = await runAttempt(verifyCollectedFiles, {
      runtimeId,
      collectionKey,
      collected: [identity],
      failed: [],
    });
    const [older, younger] = gateway.books().files;
    const found = verified.result?.files[identity];
    assert.deepEqual([found?.fileId, found?.duplicateIds], [older?.id, [younger?.id]]);
  });

  test('has nothing to verify where no request was repeated', async (t) => {
    const { input, collectRuntimeFile } = await setUp(t, { faults: [lost] });
    const { result } = await runToEnd(collectRuntimeFile, input);
    assert.equal(result?.unverified, undefined);
  });
});

describe('a taken path that the list does not show', () => {
  const refuse = { onPathExists: 'refuse', listLagMs: LAG_MS } as const;

  test('is no verdict: our own file is found when the list shows it', async (t) => {
    const { gateway, input, collectRuntimeFile } = await setUp(t, refuse);
    await gateway.collect({
      runtimePath: 'a.txt',
      metadata: { temporalCollectionKey: `wf/run/${fileIdentity(input)}` },
    });
    const first = await runAttempt(collectRuntimeFile, input);
    assert.deepEqual([first.failure?.type, first.failure?.nonRetryable], ['conflict', false]);
    await sleep(LAG_MS);
    const info = { attempt: 2, heartbeatDetails: first.heartbeatDetails };
    assert.equal(
      (await runAttempt(collectRuntimeFile, input, info)).result?.id,
      gateway.books().files[0]?.id,
    );
  });

  test('is a final conflict when the list shows a foreign file', async (t) => {
    const { gateway, input, collectRuntimeFile } = await setUp(t, refuse);
    await gateway.collect({ runtimePath: 'a.txt' });
    const first = await runAttempt(collectRuntimeFile, input);
    assert.equal(first.failure?.nonRetryable, false);
    await sleep(LAG_MS);
    const info = { attempt: 2, heartbeatDetails: first.heartbeatDetails };
    const { failure } = await runAttempt(collectRuntimeFile, input, info);
    assert.deepEqual([failure?.type, failure?.nonRetryable], ['conflict', true]);
  });

  test('is a conflict for good at the fifth time, and the file may be there', async (t) => {
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

  test('is no verdict either where the list is refused', async (t) => {
    const faults: FaultRule[] = [
      { operation: 'list-files', times: 1, fault: { kind: 'answer', status: 404 } },
    ];
    const { gateway, input, collectRuntimeFile } = await setUp(t, { onPathExists: 'refuse', faults });
    await gateway.collect({ runtimePath: 'a.txt' });
    const { failure } = await runAttempt(collectRuntimeFile, input);
    assert.deepEqual([failure?.type, failure?.nonRetryable], ['conflict', false]);
  });
});

describe('the key of another account', () => {
  const reset: FaultRule = { ...once, fault: { kind: 'reset' } };
  const otherAccount = { method: 'GET', path: /whoami$/, times: 1 } as const;

  test('proves nothing by its list: nothing is made, and the failure says so', async (t) => {
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
    assert.deepEqual([gateway.books().requests.collect, madeBy(gateway)], [1, 0]);
  });

  test('is told from another key of the same account', async (t) => {
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

  test('that cannot be told now is a failed lookup', async (t) => {
    const { gateway, input, collectRuntimeFile } = await setUp(t, { faults: [reset] });
    const { heartbeatDetails } = await runAttempt(collectRuntimeFile, input);
    const change = withStatus(503);
    const other = createTestActivities(t, await startOddProxy(t, gateway.url, { ...otherAccount, change }));
    const { failure } = await runAttempt(other.collectRuntimeFile, input, { attempt: 2, heartbeatDetails });
    assert.deepEqual([failure?.type, failure?.nonRetryable, madeBy(gateway)], ['upstream', false, 0]);
  });
});

describe('a failed lookup', () => {
  test('counts as one failure, not as one of each file', async (t) => {
    const gateway = await startTestGateway(t);
    const { collectRuntimeFiles } = createTestActivities(t, gateway.url);
    const files = Array.from({ length: 20 }, (_, index) => ({ runtimePath: `${index}.txt` }));
    for (const { runtimePath } of files) await gateway.addFile(runtimePath);
    gateway.setFaults([{ operation: 'list-files', times: 9, fault: { kind: 'answer', status: 500 } }]);
    const input = { runtimeId: gateway.runtimeId, files, collectionKey: 'wf/run', lookFirst: true };
    const { result, attempts } = await runToEnd(collectRuntimeFiles, input, {
      scheduleToCloseTimeoutMs: 3_600_000,
    });
    assert.equal(attempts, 10, 'the tenth would be the last');
    assert.deepEqual(new Set(result?.map(({ outcome }) => outcome)), new Set(['collected']));
  });

  test('repeats its page and keeps what it found', async (t) => {
    const gateway = await startTestGateway(t, { onPathExists: 'keep-both' });
    const { collectRuntimeFiles } = createTestActivities(t, gateway.url);
    const files = Array.from({ length: 250 }, (_, index) => ({ runtimePath: `${index}.txt` }));
    for (const { runtimePath } of files) await gateway.addFile(runtimePath);
    const input = { runtimeId: gateway.runtimeId, files, collectionKey: 'wf/run' };
    await runAttempt(collectRuntimeFiles, input);
    gateway.setFaults([
      { operation: 'list-files', skip: 1, times: 2, fault: { kind: 'answer', status: 503 } },
    ]);
    const { result } = await runAttempt(collectRuntimeFiles, { ...input, lookFirst: true });
    assert.equal(result?.length, 250);
    const { requests } = gateway.books();
    assert.deepEqual([requests.collect, requests['list-files']], [250, 3 + 2]);
  });

  test('of a page that fails for good keeps what was found before it', async (t) => {
    const gateway = await startTestGateway(t, { onPathExists: 'keep-both' });
    const { collectRuntimeFiles } = createTestActivities(t, gateway.url);
    const files = Array.from({ length: 120 }, (_, index) => ({ runtimePath: `${index}.txt` }));
    for (const { runtimePath } of files) await gateway.addFile(runtimePath);
    const input = { runtimeId: gateway.runtimeId, files, collectionKey: 'wf/run' };
    await runAttempt(collectRuntimeFiles, input);
    gateway.setFaults([
      { operation: 'list-files', skip: 1, times: 1, fault: { kind: 'answer', status: 403 } },
    ]);
    const { result } = await runAttempt(collectRuntimeFiles, { ...input, lookFirst: true });
    const outcomes = result?.map(({ outcome }) => outcome) ?? [];
    assert.equal(outcomes.filter((outcome) => outcome === 'collected').length, 100);
    assert.equal(madeBy(gateway), 120);
  });
});

describe('the lookup begins by the clock of the API', () => {
  for (const hours of [-1, 1, 24]) {
    test(`that is ${hours} h from this one, also for a worker that has seen no file`, async (t) => {
      const now = () => Date.now() + hours * 3_600_000;
      const { gateway, input, collectRuntimeFile } = await setUp(t, { now });
      await runAttempt(collectRuntimeFile, input);
      const fresh = createTestActivities(t, gateway.url);
      await runAttempt(fresh.collectRuntimeFile, input, { attempt: 2, scheduledTimestampMs: Date.now() });
      assert.equal(madeBy(gateway), 1);
    });
  }
});

test('an attempt whose process was stopped for too long sends nothing more', async (t) => {
  const gateway = await startTestGateway(t);
  const files = Array.from({ length: 50 }, (_, index) => ({ runtimePath: `${index}.txt` }));
  for (const { runtimePath } of files) await gateway.addFile(runtimePath);
  const { collectRuntimeFiles } = createTestActivities(t, gateway.url, {
    client: {
      maxRequests: 1,
      observer: {
        requestSent() {
          if (gateway.books().requests.collect === 4) stopFor(600);
        },
        requestEnded() {},
        heldBack() {},
      },
    },
  });
  const env = new MockActivityEnvironment({ heartbeatTimeoutMs: 600 });
  const input = { runtimeId: gateway.runtimeId, files, collectionKey: 'wf/run' };
  await assert.rejects(env.run(collectRuntimeFiles, input), (error) => {
    assert.ok(error instanceof CancelledFailure);
    return error.message === 'HEARTBEAT_TIMEOUT';
  });
  assert.ok((gateway.books().requests.collect ?? 0) <= 6, 'what was under way, and no more');
});

/** As SIGSTOP does. */
function stopFor(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}
