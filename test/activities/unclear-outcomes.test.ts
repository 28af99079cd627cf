import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ActivityCancellationDetails, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createActivities } from '../../src/activities/create-activities.js';
import { fileKey } from '../../src/shared/file-key.js';
import type { FaultRule, GatewayOptions } from '../../src/testing.js';
import { createTestActivities, runAttempt, runToEnd } from '../support/activities.js';
import { createTestClient } from '../support/client.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { startOddProxy, withFields, withStatus } from '../support/odd-proxy.js';
import { waitFor } from '../support/wait-for.js';

/** The listing of the gateway is this late, and the activities wait so much longer. */
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
    assert.equal(second.result?.id, gateway.snapshot().files[0]?.id);
    assert.ok(second.elapsedMs < LAG_MS, 'it has been waited for already');
  });

  test('is waited for by the attempt after one that was lost, whose end nobody knows', async (t) => {
    const { gateway, input, collectRuntimeFile } = await setUp(t, { listLagMs: LAG_MS });
    await runAttempt(collectRuntimeFile, input);
    const { result, elapsedMs } = await timed(runAttempt(collectRuntimeFile, input, { attempt: 2 }));
    assert.equal(result?.id, gateway.snapshot().files[0]?.id);
    assert.ok(elapsedMs >= SETTLE_MS - 5, `${elapsedMs} ms`);
    assert.equal(madeBy(gateway), 1);
  });

  test('is waited for once by a run that looks first, however many activities it has', async (t) => {
    const { gateway, input, collectRuntimeFile } = await setUp(t, { listLagMs: LAG_MS });
    await runAttempt(collectRuntimeFile, input);
    const again = { ...input, checkExistingFirst: true };
    assert.ok((await timed(runAttempt(collectRuntimeFile, again))).elapsedMs >= SETTLE_MS - 5);
    assert.ok((await timed(runAttempt(collectRuntimeFile, again))).elapsedMs < LAG_MS);
    assert.equal(madeBy(gateway), 1);
  });

  test('is waited for until the other run of a reset has had to stop', async (t) => {
    const { input, collectRuntimeFile } = await setUp(t);
    const again = { ...input, checkExistingFirst: true, concurrentRun: true };
    const { elapsedMs } = await timed(runAttempt(collectRuntimeFile, again, { heartbeatTimeoutMs: 300 }));
    assert.ok(elapsedMs >= SETTLE_MS + 300 - 5, `${elapsedMs} ms`);
  });

  test('leaves a file that was asked for again unverified, and a last look finds the duplicate', async (t) => {
    const { gateway, input, verifyCollectedFiles } = await setUp(t, { listLagMs: LAG_MS, faults: [lost] });
    const { collectRuntimeFile } = createTestActivities(t, gateway.url, { listSettleTime: 0 });
    const { result } = await runToEnd(collectRuntimeFile, input);
    assert.equal(madeBy(gateway), 2, 'without a settling time it is made twice');
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

  test('leaves a file unverified that was asked for twice, also if it is found in the end', async (t) => {
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
      { operation: 'list-files', times: 1, fault: { kind: 'respond', status: 404 } },
    ];
    const { gateway, input, collectRuntimeFile } = await setUp(t, { onPathExists: 'refuse', faults });
    await gateway.collect({ runtimePath: 'a.txt' });
    const { failure } = await runAttempt(collectRuntimeFile, input);
    assert.deepEqual([failure?.type, failure?.nonRetryable], ['conflict', false]);
  });
});

describe('a file to be kept at a taken path is found by the path as the API writes it', () => {
  for (const [what, name] of [
    ['long', `${'x'.repeat(150)}.txt`],
    ['like a query', 'page?id=3.html'],
  ] as const) {
    test(`that is ${what}`, async (t) => {
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
    assert.deepEqual([gateway.snapshot().requests.collect, madeBy(gateway)], [1, 0]);
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

  test('is known of an attempt that its worker stopped, too', async (t) => {
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
    gateway.setFaults([{ operation: 'list-files', times: 9, fault: { kind: 'respond', status: 500 } }]);
    const input = { runtimeId: gateway.runtimeId, files, collectionKey: 'wf/run', checkExistingFirst: true };
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
      { operation: 'list-files', skip: 1, times: 2, fault: { kind: 'respond', status: 503 } },
    ]);
    const { result } = await runAttempt(collectRuntimeFiles, { ...input, checkExistingFirst: true });
    assert.equal(result?.length, 250);
    const { requests } = gateway.snapshot();
    assert.deepEqual([requests.collect, requests['list-files']], [250, 3 + 2]);
  });

  test('that has not read the whole list leaves what it found unverified', async (t) => {
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

  test('that succeeds forgets those before it', async (t) => {
    const lookupFailures = { server: 9 };
    const { gateway, input, collectRuntimeFile } = await setUp(t, {
      faults: [{ operation: 'collect', fault: { kind: 'respond', status: 503 } }],
    });
    const files = [{ failures: {}, lookupFromMs: 0 }];
    const checkpoint = { files, consecutiveTrips: 0, lookupFailures, lookupFromMs: 0 };
    const info = { attempt: 2, heartbeatDetails: { attempt: 1, checkpoint } };
    const { heartbeatDetails } = await runAttempt(collectRuntimeFile, input, info);
    const left = (heartbeatDetails as { checkpoint: { lookupFailures: unknown } }).checkpoint;
    assert.deepEqual([left.lookupFailures, gateway.snapshot().requests['list-files']], [{}, 1]);
  });

  test('of a page that fails for good keeps what was found before it', async (t) => {
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
  assert.ok((gateway.snapshot().requests.collect ?? 0) <= 6, 'what was under way, and no more');
});

test('a request that waited for its turn is not sent by a process that was stopped meanwhile', async (t) => {
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

/** As SIGSTOP does. */
function stopFor(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}
