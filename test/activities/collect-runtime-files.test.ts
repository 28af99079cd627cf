import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { CollectOutcome } from '../../src/shared/collect-outcome.js';
import { fileKey } from '../../src/shared/keys.js';
import { COLLECTION_KEY_FIELD } from '../../src/shared/names.js';
import type { Fault, FaultRule, GatewayOptions } from '../../src/testing.js';
import {
  createTestActivities,
  runAttempt,
  runToEnd,
  type TestActivitiesOptions,
} from '../support/activities.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';

const KEY = 'workflow/run';
const FILES = 100;
const HOUR_MS = 3_600_000;
/** The default timeout of a mocked activity is one second. */
const info = { scheduleToCloseTimeoutMs: HOUR_MS };

async function setUp(
  t: TestContext,
  options: Partial<GatewayOptions> & { activities?: TestActivitiesOptions } = {},
) {
  // An API that refuses a second file of the same path would prevent duplicates by itself.
  const gateway = await startTestGateway(t, { onPathExists: 'keep-both', ...options });
  const files = Array.from({ length: FILES }, (_, index) => ({ runtimePath: `${index}.txt` }));
  for (const { runtimePath } of files) await gateway.addFile(runtimePath, 'hello');
  const { collectRuntimeFiles } = createTestActivities(t, gateway.url, options.activities);
  return { gateway, collectRuntimeFiles, input: { runtimeId: gateway.runtimeId, collectionKey: KEY, files } };
}

function requestCounts(gateway: TestGateway) {
  const { requests, files } = gateway.snapshot();
  return { collects: requests.collect ?? 0, lookups: requests['list-files'] ?? 0, files: files.length };
}

function assertAllOnce(gateway: TestGateway, outcomes: readonly CollectOutcome[] | undefined) {
  const idOf = new Map(gateway.snapshot().files.map(({ runtimePath, id }) => [runtimePath, id]));
  assert.equal(gateway.snapshot().files.length, FILES);
  assert.equal(idOf.size, FILES);
  assert.deepEqual(
    outcomes?.map((outcome) => 'fileId' in outcome && outcome.fileId),
    Array.from({ length: FILES }, (_, index) => idOf.get(`${index}.txt`)),
    'in the order of the input',
  );
}

test('each file of a batch has its own request, and its own key below that of the batch', async (t) => {
  const { gateway, collectRuntimeFiles, input } = await setUp(t);
  const { result } = await runAttempt(collectRuntimeFiles, input, info);
  assertAllOnce(gateway, result);
  assert.deepEqual(requestCounts(gateway), { collects: FILES, lookups: 0, files: FILES });
  for (const { runtimePath, metadata } of gateway.snapshot().files) {
    assert.equal(metadata?.[COLLECTION_KEY_FIELD], `${KEY}/${fileKey({ runtimePath: String(runtimePath) })}`);
  }
});

test('an outcome has the id, path and size of the file', async (t) => {
  const { gateway, collectRuntimeFiles, input } = await setUp(t);
  const files = [{ runtimePath: '0.txt', destinationPath: '/shop/0.txt' }];
  const { result } = await runAttempt(collectRuntimeFiles, { ...input, files }, info);
  const [{ id: fileId } = { id: '' }] = gateway.snapshot().files;
  assert.deepEqual(result, [{ outcome: 'collected', fileId, path: '/shop/0.txt', sizeBytes: 5 }]);
});

test('a brief outcome has neither id nor path', async (t) => {
  const { collectRuntimeFiles, input } = await setUp(t);
  const files = [{ runtimePath: '0.txt' }, { runtimePath: 'gone.txt' }];
  const { result } = await runAttempt(collectRuntimeFiles, { ...input, files, brief: true }, info);
  assert.deepEqual(result?.[0], { outcome: 'collected', sizeBytes: 5 });
  assert.match(String(result?.[1]?.outcome === 'failed' && result[1].message), /^gone\.txt: /);
});

test('all batches of a worker share maxRequests', async (t) => {
  const slow: FaultRule = { operation: 'collect', fault: { kind: 'delay', delayMs: 20 } };
  const { gateway, collectRuntimeFiles, input } = await setUp(t, {
    faults: [slow],
    activities: { client: { maxRequests: 8 } },
  });
  const halves = [input.files.slice(0, FILES / 2), input.files.slice(FILES / 2)];
  await Promise.all(halves.map((files) => runAttempt(collectRuntimeFiles, { ...input, files }, info)));
  assert.equal(gateway.snapshot().maxInFlight, 8);
  assert.equal(requestCounts(gateway).files, FILES);
});

const kinds: Fault[] = [
  { kind: 'drop-response' },
  { kind: 'malformed-response' },
  { kind: 'truncated-response' },
  { kind: 'reset' },
  { kind: 'respond', status: 500 },
  { kind: 'respond', status: 503 },
];

describe('a retried batch continues with its pending files', () => {
  for (const fault of kinds) {
    test(`after ${JSON.stringify(fault)} for every fourth file, one lookup covers all of them`, async (t) => {
      const faults: FaultRule[] = Array.from({ length: FILES / 4 }, (_, index) => ({
        operation: 'collect',
        runtimePath: `${index * 4}.txt`,
        times: 1,
        fault,
      }));
      const { gateway, collectRuntimeFiles, input } = await setUp(t, { faults });
      const { result, attempts } = await runToEnd(collectRuntimeFiles, input, info);
      assertAllOnce(gateway, result);
      assert.equal(attempts, 2);
      const isMade = fault.kind !== 'reset' && fault.kind !== 'respond';
      assert.equal(requestCounts(gateway).collects, isMade ? FILES : FILES + FILES / 4);
      assert.equal(requestCounts(gateway).lookups, 1, 'one lookup for all of them');
    });
  }

  test('after a crash, a retry looks up all files without a known outcome', async (t) => {
    const { gateway, collectRuntimeFiles, input } = await setUp(t);
    await runAttempt(collectRuntimeFiles, { ...input, files: input.files.slice(0, 40) }, info);
    const { result } = await runAttempt(collectRuntimeFiles, input, { ...info, attempt: 2 });
    assertAllOnce(gateway, result);
    assert.deepEqual(requestCounts(gateway), { collects: FILES, lookups: 1, files: FILES });
  });

  test('a file with an outcome is not requested again', async (t) => {
    const fault = { kind: 'respond', status: 503 } as const;
    const { gateway, collectRuntimeFiles, input } = await setUp(t, {
      faults: [{ operation: 'collect', runtimePath: '7.txt', times: 3, fault }],
    });
    const { result, attempts } = await runToEnd(collectRuntimeFiles, input, info);
    assertAllOnce(gateway, result);
    assert.equal(attempts, 4);
    assert.equal(requestCounts(gateway).collects, FILES + 3);
  });
});

describe('a file that is finally refused', () => {
  test('a file that is finally refused has an outcome, and does not stop the others', async (t) => {
    const { gateway, collectRuntimeFiles, input } = await setUp(t);
    const files = [...input.files.slice(0, 3), { runtimePath: 'gone.txt' }];
    const { result } = await runAttempt(collectRuntimeFiles, { ...input, files }, info);
    const [gone] = result?.slice(3) ?? [];
    assert.ok(gone?.outcome === 'failed');
    assert.deepEqual([gone.reasonClass, gone.code], ['not_found', 'file.not_found']);
    assert.match(gone.message, /^gone\.txt: POST .* returned 404 file\.not_found/);
    assert.ok(gone.requestId);
    assert.equal(requestCounts(gateway).files, 3);
  });

  test('a file that is finally refused has its own failure count: ten server failures of one file do not affect the others', async (t) => {
    const fault = { kind: 'respond', status: 500 } as const;
    const { gateway, collectRuntimeFiles, input } = await setUp(t, {
      faults: [
        { operation: 'collect', runtimePath: '3.txt', fault },
        { operation: 'collect', runtimePath: '5.txt', times: 9, fault },
      ],
    });
    const { result, attempts } = await runToEnd(collectRuntimeFiles, input, info);
    assert.equal(attempts, 10);
    assert.equal(result?.filter(({ outcome }) => outcome === 'collected').length, FILES - 1);
    const failed = result?.[3];
    assert.equal(failed?.outcome === 'failed' && failed.reasonClass, 'server');
    assert.equal(requestCounts(gateway).files, FILES - 1);
  });

  test('a foreign file at the destination is the outcome with ifExists: keep, and a conflict without it', async (t) => {
    const { gateway, collectRuntimeFiles, input } = await setUp(t, { onPathExists: 'refuse' });
    await gateway.collect({ runtimePath: '0.txt', destinationPath: '/a' });
    const files = [
      { runtimePath: '1.txt', destinationPath: '/a', ifExists: 'keep' },
      { runtimePath: '2.txt', destinationPath: '/a' },
    ];
    const { result } = await runAttempt(collectRuntimeFiles, { ...input, files }, info);
    assert.equal(
      result?.[0]?.outcome === 'kept' && 'fileId' in result[0] && result[0].fileId,
      gateway.snapshot().files[0]?.id,
    );
    assert.equal(result?.[1]?.outcome === 'failed' && result[1].code, 'storage_file.path_exists');
    assert.deepEqual(requestCounts(gateway), { collects: 3, lookups: 2, files: 1 });
  });
});

describe('a failed attempt of a batch', () => {
  test('a failed attempt of a batch has the class and the delay of the file that waits longest, and counts the others', async (t) => {
    const { collectRuntimeFiles, input } = await setUp(t, {
      faults: [
        { operation: 'collect', runtimePath: '1.txt', fault: { kind: 'respond', status: 500 } },
        { operation: 'collect', runtimePath: '2.txt', fault: { kind: 'respond', status: 402 } },
        { operation: 'collect', runtimePath: '3.txt', fault: { kind: 'respond', status: 503 } },
      ],
    });
    const { failure } = await runAttempt(collectRuntimeFiles, input, info);
    assert.deepEqual(
      [failure?.type, failure?.nextRetryDelay, failure?.nonRetryable],
      ['capability_limit_exceeded', 30_000, false],
    );
    assert.match(String(failure?.message), /^2\.txt and 2 more: POST .* returned 402/);
  });

  test('a failed attempt of a batch that cannot be retried in time is the outcome of its pending files', async (t) => {
    const fault = { kind: 'respond', status: 429, headers: { 'retry-after': '60' } } as const;
    const { gateway, collectRuntimeFiles, input } = await setUp(t, {
      faults: [{ operation: 'collect', runtimePath: '99.txt', fault }],
    });
    const late = { scheduleToCloseTimeoutMs: 59_000 };
    const { result } = await runAttempt(collectRuntimeFiles, input, late);
    assert.equal(result?.filter(({ outcome }) => outcome === 'collected').length, FILES - 1);
    const last = result?.at(-1);
    assert.equal(last?.outcome === 'failed' && last.reasonClass, 'rate_limited');
    assert.equal(requestCounts(gateway).files, FILES - 1);
  });
});

describe('the circuit breaker', () => {
  const width = 4;
  const activities = { client: { maxRequests: width } };

  test('the circuit breaker opens on a rate limit, and the next attempt continues with the rest', async (t) => {
    const fault = { kind: 'respond', status: 429, headers: { 'retry-after': '7' } } as const;
    const { gateway, collectRuntimeFiles, input } = await setUp(t, {
      faults: [{ operation: 'collect', skip: 10, times: 1, fault }],
      activities,
    });
    const { failure, heartbeatDetails } = await runAttempt(collectRuntimeFiles, input, info);
    assert.deepEqual([failure?.type, failure?.nextRetryDelay], ['rate_limited', 7_000]);
    assert.ok(requestCounts(gateway).collects <= 10 + width, `${requestCounts(gateway).collects} requests`);
    const next = { ...info, attempt: 2, heartbeatDetails };
    assertAllOnce(gateway, (await runAttempt(collectRuntimeFiles, input, next)).result);
    assert.deepEqual(requestCounts(gateway), { collects: FILES + 1, lookups: 0, files: FILES });
  });

  for (const [what, fault, most] of [
    ['all connections are reset', { kind: 'reset' }, 5 + width],
    ['all responses are 503', { kind: 'respond', status: 503 }, 5 + width],
    ['all responses are 500', { kind: 'respond', status: 500 }, 5 + width],
  ] as const) {
    test(`the circuit breaker opens when ${what}, and later attempts send five requests each`, async (t) => {
      const { gateway, collectRuntimeFiles, input } = await setUp(t, {
        faults: [{ operation: 'collect', fault }],
        activities,
      });
      let heartbeatDetails: unknown;
      let before = 0;
      const requests: number[] = [];
      const delays: unknown[] = [];
      for (let attempt = 1; attempt <= 6; attempt += 1) {
        const attempted = await runAttempt(collectRuntimeFiles, input, {
          ...info,
          attempt,
          heartbeatDetails,
        });
        heartbeatDetails = attempted.heartbeatDetails;
        delays.push(attempted.failure?.nextRetryDelay);
        requests.push(requestCounts(gateway).collects - before);
        before = requestCounts(gateway).collects;
      }
      const [first = 0, ...others] = requests;
      assert.ok(first <= most, `${first} requests`);
      assert.deepEqual(others, [5, 5, 5, 5, 5]);
      assert.deepEqual(delays, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000], 'whichever files are requested');

      gateway.setFaults([]);
      const { result } = await runAttempt(collectRuntimeFiles, input, {
        ...info,
        attempt: 7,
        heartbeatDetails,
      });
      assertAllOnce(gateway, result);
    });
  }

  test('the circuit breaker opens on the first refused connection', async (t) => {
    const { input } = await setUp(t);
    const { collectRuntimeFiles } = createTestActivities(t, 'http://127.0.0.1:9', activities);
    const first = await runAttempt(collectRuntimeFiles, input, info);
    assert.equal(first.failure?.type, 'upstream');
    const next = { ...info, attempt: 2, heartbeatDetails: first.heartbeatDetails };
    const { failure } = await runAttempt(collectRuntimeFiles, input, next);
    assert.equal(failure?.nextRetryDelay, 2_000);
  });

  test('the circuit breaker opens on files that keep failing, and the next attempt starts with other files', async (t) => {
    const fault = { kind: 'respond', status: 503 } as const;
    const bad = [0, 1, 2, 3, 4];
    const { gateway, collectRuntimeFiles, input } = await setUp(t, {
      faults: bad.map((index) => ({ operation: 'collect', runtimePath: `${index}.txt`, fault })),
      activities,
    });
    const { heartbeatDetails } = await runAttempt(collectRuntimeFiles, input, info);
    assert.ok(requestCounts(gateway).files <= width, 'the pass has ended early');
    await runAttempt(collectRuntimeFiles, input, { ...info, attempt: 2, heartbeatDetails });
    assert.equal(requestCounts(gateway).files, FILES - bad.length);
  });

  test('the circuit breaker aborts requests that wait for their turn', async (t) => {
    const slowDown = { kind: 'respond', status: 429, headers: { 'retry-after': '1' } } as const;
    const { gateway, collectRuntimeFiles, input } = await setUp(t, {
      faults: [
        { operation: 'collect', times: 1, fault: slowDown },
        { operation: 'collect', fault: { kind: 'delay', delayMs: 50 } },
      ],
      activities: { client: { maxRequests: 2, maxRateLimitPauseMs: 60_000 } },
    });
    const halves = [input.files.slice(0, FILES / 2), input.files.slice(FILES / 2)];
    const startedMs = performance.now();
    const stopped = await Promise.race(
      halves.map((files) => runAttempt(collectRuntimeFiles, { ...input, files }, info)),
    );
    assert.equal(stopped.failure?.type, 'rate_limited');
    assert.ok(performance.now() - startedMs < 900, 'it waited for the pause to end');
    assert.ok(requestCounts(gateway).collects <= 3, `${requestCounts(gateway).collects} requests`);
  });

  test('the circuit breaker stays closed when single files fail between successes', async (t) => {
    const fault = { kind: 'respond', status: 503 } as const;
    const faults: FaultRule[] = [2, 3, 4, 50, 51, 52].map((index) => ({
      operation: 'collect',
      runtimePath: `${index}.txt`,
      times: 1,
      fault,
    }));
    const { gateway, collectRuntimeFiles, input } = await setUp(t, { faults });
    await runAttempt(collectRuntimeFiles, input, info);
    assert.deepEqual(requestCounts(gateway), { collects: FILES, lookups: 0, files: FILES - 6 });
  });
});

describe('the lookup of a batch', () => {
  test('the lookup of a batch reads back to ten seconds before the newest file at the time of the lost request', async (t) => {
    let now = Date.parse('2020-01-01T00:00:00Z');
    const { gateway, collectRuntimeFiles, input } = await setUp(t, { now: () => now });
    const [early, late] = [input.files.slice(0, 60), input.files.slice(60)];
    await runAttempt(collectRuntimeFiles, { ...input, files: early }, info);
    now += 60_000;
    await runAttempt(collectRuntimeFiles, { ...input, files: late.slice(0, 1) }, info);
    now += 60_000;
    gateway.setFaults([
      { operation: 'collect', runtimePath: '61.txt', times: 1, fault: { kind: 'drop-response' } },
    ]);
    const { heartbeatDetails } = await runAttempt(
      collectRuntimeFiles,
      { ...input, files: late.slice(1) },
      info,
    );
    const { checkpoint } = heartbeatDetails as { checkpoint: { files: { lookupFromMs?: number }[] } };
    const [since, ...others] = checkpoint.files.flatMap(({ lookupFromMs }) => lookupFromMs ?? []);
    assert.deepEqual(others, []);
    assert.equal(since, now - 60_000 - 10_000, 'ten seconds before the newest file at the time');
    const next = { ...info, attempt: 2, heartbeatDetails };
    const { result } = await runAttempt(collectRuntimeFiles, { ...input, files: late.slice(1) }, next);
    assert.equal(
      result?.every(({ outcome }) => outcome === 'collected'),
      true,
    );
    assert.deepEqual(requestCounts(gateway), { collects: FILES, lookups: 1, files: FILES });
  });

  test('the lookup of a batch that fails prevents all collects of uncertain files', async (t) => {
    const { gateway, collectRuntimeFiles, input } = await setUp(t, {
      faults: [{ operation: 'list-files', times: 2, fault: { kind: 'respond', status: 503 } }],
    });
    const checkExistingFirst = { ...input, checkExistingFirst: true };
    const first = await runAttempt(collectRuntimeFiles, checkExistingFirst, info);
    assert.deepEqual([first.failure?.type, requestCounts(gateway).collects], ['upstream', 0]);
    const { result, attempts } = await runToEnd(collectRuntimeFiles, checkExistingFirst, info);
    assertAllOnce(gateway, result);
    assert.equal(attempts, 2);
  });
});

test('a failed lookup does not affect files that need none', async (t) => {
  const { gateway, collectRuntimeFiles, input } = await setUp(t, {
    faults: [
      { operation: 'collect', runtimePath: '7.txt', times: 1, fault: { kind: 'drop-response' } },
      { operation: 'collect', runtimePath: '8.txt', times: 1, fault: { kind: 'respond', status: 429 } },
      { operation: 'list-files', times: 1, fault: { kind: 'respond', status: 403 } },
    ],
    activities: { client: { maxRequests: 10 } },
  });
  const { result } = await runToEnd(collectRuntimeFiles, input, info);
  const failed = result?.flatMap((outcome, index) => (outcome.outcome === 'failed' ? index : []));
  assert.deepEqual(failed, [7], 'its outcome is unknown');
  assert.equal(requestCounts(gateway).files, FILES, 'although it was created');
});

test('a file without time for a retry does not end the retries of the others', async (t) => {
  const late = { kind: 'respond', status: 503, headers: { 'retry-after': '7200' } } as const;
  const { collectRuntimeFiles, input } = await setUp(t, {
    faults: [
      { operation: 'collect', runtimePath: '1.txt', fault: late },
      { operation: 'collect', runtimePath: '2.txt', times: 1, fault: { kind: 'respond', status: 503 } },
    ],
  });
  const short = { ...info, scheduleToCloseTimeoutMs: 300_000 };
  const first = await runAttempt(collectRuntimeFiles, input, short);
  assert.equal(first.failure?.nextRetryDelay, 1_000);
  const { result } = await runAttempt(collectRuntimeFiles, input, {
    ...short,
    attempt: 2,
    heartbeatDetails: first.heartbeatDetails,
  });
  assert.deepEqual([result?.[1]?.outcome, result?.[2]?.outcome], ['failed', 'collected']);
});

test('an unreadable checkpoint counts as a lost attempt', async (t) => {
  const { gateway, collectRuntimeFiles, input } = await setUp(t);
  await runAttempt(collectRuntimeFiles, input, info);
  const heartbeatDetails = { attempt: 1, checkpoint: { files: 'of another version' } };
  const { result } = await runAttempt(collectRuntimeFiles, input, { ...info, attempt: 2, heartbeatDetails });
  assertAllOnce(gateway, result);
  assert.deepEqual(requestCounts(gateway), { collects: FILES, lookups: 1, files: FILES });
});

describe('a batch that is cancelled', () => {
  test('a batch that is cancelled aborts its requests at once, and reports the outcomes so far', async (t) => {
    const slow: FaultRule = { operation: 'collect', skip: 10, fault: { kind: 'delay', delayMs: 60_000 } };
    const { gateway, collectRuntimeFiles, input } = await setUp(t, { faults: [slow] });
    const env = new MockActivityEnvironment(info);
    const running = env.run(collectRuntimeFiles, input);
    running.catch(() => undefined);
    await waitFor(
      'ten files and 32 requests in flight',
      () => requestCounts(gateway).files === 10 && requestCounts(gateway).collects === 42,
    );
    env.cancel();
    const thrown = await running.then(
      () => assert.fail('it was not cancelled'),
      (error: unknown) => error,
    );
    assert.ok(thrown instanceof CancelledFailure, String(thrown));
    const [{ files: checkpoints }] = thrown.details as [{ files: { outcome?: CollectOutcome }[] }];
    assert.equal(checkpoints.length, FILES);
    const fileIds = checkpoints.flatMap(({ outcome }) =>
      outcome && 'fileId' in outcome ? outcome.fileId : [],
    );
    assert.deepEqual(
      fileIds.toSorted(),
      gateway
        .snapshot()
        .files.map(({ id }) => id)
        .toSorted(),
    );
    assert.equal(requestCounts(gateway).collects, 42, 'no other request is sent');
  });
});

for (const [what, wrong, message] of [
  ['no files', { files: [] }, /^files: /],
  [
    'more than a batch',
    { files: Array.from({ length: 1_001 }, (_, i) => ({ runtimePath: `${i}` })) },
    /^files: .*1000/,
  ],
  ['a file that is named twice', { files: Array(2).fill({ runtimePath: 'a' }) }, /^files: two of them/],
  ['a wrong file', { files: [{ runtimePath: '' }] }, /^files\[0\]\.runtimePath: /],
] as const) {
  test(`${what} is a final invalid_input`, async (t) => {
    const { collectRuntimeFiles, input } = await setUp(t);
    const { failure } = await runAttempt(collectRuntimeFiles, { ...input, ...wrong }, info);
    assert.deepEqual([failure?.type, failure?.nonRetryable], ['invalid_input', true]);
    assert.match(String(failure?.message), message);
  });
}
