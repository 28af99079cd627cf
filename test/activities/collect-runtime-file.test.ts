import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { fileKey } from '../../src/shared/keys.js';
import { COLLECTION_KEY_FIELD } from '../../src/shared/names.js';
import type { FaultRule, GatewayOptions } from '../../src/testing.js';
import {
  createTestActivities,
  runAttempt,
  runToEnd,
  type TestActivitiesOptions,
} from '../support/activities.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { startOddProxy } from '../support/odd-proxy.js';
import { waitFor } from '../support/wait-for.js';

const COLLECTION = 'workflow/run/0';
/** The key of `a.txt`: the activity appends a hash of source and destination to its collectionKey. */
const KEY = `${COLLECTION}/${fileKey({ runtimePath: 'a.txt' })}`;
const once = { operation: 'collect', times: 1 } as const;
const uncertain = ['reset', 'drop-response', 'malformed-response', 'truncated-response'] as const;

async function setUp(
  t: TestContext,
  options: Partial<GatewayOptions> & { activities?: TestActivitiesOptions } = {},
) {
  const gateway = await startTestGateway(t, options);
  await gateway.addFile('a.txt', 'hello');
  const { collectRuntimeFile } = createTestActivities(t, gateway.url, options.activities);
  const input = { runtimeId: gateway.runtimeId, runtimePath: 'a.txt', collectionKey: COLLECTION };
  return { gateway, collectRuntimeFile, input };
}

/** Collects and lookups that the gateway received, and files that it created. */
function requestCounts(gateway: TestGateway) {
  const { requests, files } = gateway.snapshot();
  return { collects: requests.collect ?? 0, lookups: requests['list-files'] ?? 0, files: files.length };
}

test('a file is collected with one request, with its key beside the metadata of the user', async (t) => {
  const { gateway, collectRuntimeFile, input } = await setUp(t);
  const { result } = await runAttempt(collectRuntimeFile, { ...input, metadata: { mine: { a: 1 } } });
  assert.equal(result?.sizeBytes, 5);
  assert.deepEqual(gateway.snapshot().files[0]?.metadata, { mine: { a: 1 }, [COLLECTION_KEY_FIELD]: KEY });
  assert.deepEqual(requestCounts(gateway), { collects: 1, lookups: 0, files: 1 });
});

test('a collect request contains the fields of the input and no others', async (t) => {
  const { gateway, collectRuntimeFile, input } = await setUp(t);
  const options = { destinationPath: '/reports/b.txt', name: 'b.txt', type: 'report' };
  const { result } = await runAttempt(collectRuntimeFile, {
    ...input,
    ...options,
    ifExists: 'keep',
    appearsWithin: '1s',
  });
  assert.deepEqual([result?.path, result?.name], ['/reports/b.txt', 'b.txt']);
  assert.equal(requestCounts(gateway).files, 1);
});

describe('a retry after an unclear outcome looks the file up before it sends a request', () => {
  for (const kind of uncertain) {
    test(`after ${kind}, a retry leaves one file`, async (t) => {
      const { gateway, collectRuntimeFile, input } = await setUp(t, {
        faults: [{ ...once, fault: { kind } }],
      });
      const { result, attempts } = await runToEnd(collectRuntimeFile, input);
      assert.equal(attempts, 2);
      assert.equal(result?.id, gateway.snapshot().files[0]?.id);
      const committed = kind !== 'reset';
      assert.deepEqual(requestCounts(gateway), { collects: committed ? 1 : 2, lookups: 1, files: 1 });
    });
  }

  test('after a timeout, a retry finds the file that the server committed late', async (t) => {
    const { gateway, collectRuntimeFile, input } = await setUp(t, {
      faults: [{ ...once, fault: { kind: 'delay', delayMs: 150 } }],
      activities: { client: { requestTimeoutMs: 50 } },
    });
    const first = await runAttempt(collectRuntimeFile, input);
    assert.equal(first.failure?.type, 'upstream');
    await waitFor('the file', () => requestCounts(gateway).files === 1);
    const info = { attempt: 2, heartbeatDetails: first.heartbeatDetails };
    assert.equal(
      (await runAttempt(collectRuntimeFile, input, info)).result?.id,
      gateway.snapshot().files[0]?.id,
    );
    assert.deepEqual(requestCounts(gateway), { collects: 1, lookups: 1, files: 1 });
  });

  test('after a crash without a checkpoint, a retry finds the file', async (t) => {
    const { gateway, collectRuntimeFile, input } = await setUp(t);
    await runAttempt(collectRuntimeFile, input);
    const { result } = await runAttempt(collectRuntimeFile, input, { attempt: 2 });
    assert.equal(result?.id, gateway.snapshot().files[0]?.id);
    assert.deepEqual(requestCounts(gateway), { collects: 1, lookups: 1, files: 1 });
  });

  test('after a crash with the checkpoint of an older attempt, a retry looks the file up', async (t) => {
    const { gateway, collectRuntimeFile, input } = await setUp(t, {
      faults: [{ ...once, fault: { kind: 'respond', status: 429 } }],
    });
    const { heartbeatDetails } = await runAttempt(collectRuntimeFile, input);
    await runAttempt(collectRuntimeFile, input, { attempt: 2, heartbeatDetails });
    await runAttempt(collectRuntimeFile, input, { attempt: 3, heartbeatDetails });
    assert.deepEqual(requestCounts(gateway), { collects: 2, lookups: 1, files: 1 });
  });

  for (const [what, info] of [
    [
      'with heartbeat details',
      {
        heartbeatDetails: {
          attempt: 1,
          checkpoint: { files: [{ failures: {} }], consecutiveTrips: 0, lookupFailures: {}, lookupFromMs: 0 },
        },
      },
    ],
    ['without heartbeat details', { scheduledTimestampMs: 1_000, currentAttemptScheduledTimestampMs: 5_000 }],
  ] as const) {
    test(`after an operator's reset ${what}, the activity finds the file`, async (t) => {
      const { gateway, collectRuntimeFile, input } = await setUp(t);
      await runAttempt(collectRuntimeFile, input);
      await runAttempt(collectRuntimeFile, input, { attempt: 1, ...info });
      assert.deepEqual(requestCounts(gateway), { collects: 1, lookups: 1, files: 1 });
    });
  }

  test('every later attempt looks the file up again: a slow server may still commit it', async (t) => {
    const { gateway, collectRuntimeFile, input } = await setUp(t, {
      faults: [
        { ...once, fault: { kind: 'reset' } },
        { ...once, fault: { kind: 'respond', status: 429 } },
      ],
    });
    const { attempts } = await runToEnd(collectRuntimeFile, input);
    assert.equal(attempts, 3);
    assert.deepEqual(requestCounts(gateway), { collects: 3, lookups: 2, files: 1 });
  });

  test('a failed lookup is retried, and nothing is collected in the meantime', async (t) => {
    const faults: FaultRule[] = [
      { ...once, fault: { kind: 'drop-response' } },
      { operation: 'list-files', times: 3, fault: { kind: 'respond', status: 503 } },
    ];
    const { gateway, collectRuntimeFile, input } = await setUp(t, { faults });
    const { attempts } = await runToEnd(collectRuntimeFile, input);
    assert.equal(attempts, 5);
    assert.deepEqual(requestCounts(gateway), { collects: 1, lookups: 4, files: 1 });
  });
});

describe('without an unclear outcome there is no lookup', () => {
  for (const status of [400, 401, 403, 404, 409, 429]) {
    test(`a retry after a definite ${status} needs no lookup`, async (t) => {
      const faults: FaultRule[] = [{ ...once, fault: { kind: 'respond', status } }];
      const { gateway, collectRuntimeFile, input } = await setUp(t, { faults });
      const first = await runAttempt(collectRuntimeFile, input);
      const info = { attempt: 2, heartbeatDetails: first.heartbeatDetails };
      assert.ok((await runAttempt(collectRuntimeFile, input, info)).result);
      assert.deepEqual(requestCounts(gateway), { collects: 2, lookups: 0, files: 1 });
    });
  }

  test('a retry after a refused connection needs no lookup', async (t) => {
    const { input } = await setUp(t);
    const { collectRuntimeFile } = createTestActivities(t, 'http://127.0.0.1:9');
    const { heartbeatDetails } = await runAttempt(collectRuntimeFile, input);
    const { gateway, collectRuntimeFile: again } = await setUp(t);
    const next = { ...input, runtimeId: gateway.runtimeId };
    assert.ok((await runAttempt(again, next, { attempt: 2, heartbeatDetails })).result);
    assert.deepEqual(requestCounts(gateway), { collects: 1, lookups: 0, files: 1 });
  });
});

describe('a lookup', () => {
  test('checkExistingFirst looks up files of any age on the first attempt', async (t) => {
    const { gateway, collectRuntimeFile, input } = await setUp(t);
    const before = await runAttempt(collectRuntimeFile, input);
    const aYearLater = { scheduledTimestampMs: Date.now() + 365 * 24 * 60 * 60 * 1_000 };
    const after = await runAttempt(collectRuntimeFile, { ...input, checkExistingFirst: true }, aYearLater);
    assert.equal(after.result?.id, before.result?.id);
    assert.deepEqual(requestCounts(gateway), { collects: 1, lookups: 1, files: 1 });
  });

  test('a lookup reads all pages', async (t) => {
    const { gateway, collectRuntimeFile, input } = await setUp(t);
    await runAttempt(collectRuntimeFile, input);
    for (let i = 0; i < 250; i += 1) await gateway.addFile(`other/${i}.txt`);
    for (let i = 0; i < 250; i += 1) await gateway.collect({ runtimePath: `other/${i}.txt` });
    const { result } = await runAttempt(collectRuntimeFile, input, { attempt: 2 });
    assert.equal(result?.id, gateway.snapshot().files[0]?.id);
    assert.deepEqual(requestCounts(gateway), { collects: 251, lookups: 3, files: 251 });
  });

  test("a lookup finds the file although the API's clock is five minutes behind", async (t) => {
    const { gateway, collectRuntimeFile, input } = await setUp(t, { now: () => Date.now() - 5 * 60_000 });
    const info = { scheduledTimestampMs: Date.now() };
    await runAttempt(collectRuntimeFile, input, info);
    await runAttempt(collectRuntimeFile, input, { ...info, attempt: 2 });
    assert.equal(requestCounts(gateway).files, 1);
  });

  test('a lookup does not return a file with another key', async (t) => {
    const { gateway, collectRuntimeFile, input } = await setUp(t, { onPathExists: 'keep-both' });
    await runAttempt(collectRuntimeFile, { ...input, collectionKey: 'workflow/run/1' });
    await runAttempt(collectRuntimeFile, input, { attempt: 2 });
    const keys = gateway.snapshot().files.map(({ metadata }) => metadata?.[COLLECTION_KEY_FIELD]);
    assert.deepEqual(keys, [KEY.replace(COLLECTION, 'workflow/run/1'), KEY]);
  });

  test('of two files with the same key the older is the result, and the younger is a duplicate', async (t) => {
    const { gateway, collectRuntimeFile, input } = await setUp(t, { onPathExists: 'keep-both' });
    await runAttempt(collectRuntimeFile, input);
    await runAttempt(collectRuntimeFile, input);
    const [older, younger] = gateway.snapshot().files;
    const { result } = await runAttempt(collectRuntimeFile, input, { attempt: 2 });
    assert.equal(result?.id, older?.id);
    assert.deepEqual(result?.duplicateIds, [younger?.id]);
  });

  test('without a collectionKey, the attempts of one activity create one file', async (t) => {
    const { gateway, collectRuntimeFile, input } = await setUp(t, { onPathExists: 'keep-both' });
    const { collectionKey: _, ...keyless } = input;
    await runAttempt(collectRuntimeFile, keyless, { activityId: '1' });
    await runAttempt(collectRuntimeFile, keyless, { activityId: '1', attempt: 2 });
    assert.equal(requestCounts(gateway).files, 1);
    await runAttempt(collectRuntimeFile, keyless, { activityId: '2' });
    assert.equal(requestCounts(gateway).files, 2);
  });
});

describe('a path that is taken', () => {
  test('a path that is taken by a file with the same key: that file is the result', async (t) => {
    const { gateway, collectRuntimeFile, input } = await setUp(t);
    const first = await runAttempt(collectRuntimeFile, input);
    const second = await runAttempt(collectRuntimeFile, input);
    assert.equal(second.result?.id, first.result?.id);
    assert.deepEqual(requestCounts(gateway), { collects: 2, lookups: 1, files: 1 });
  });

  test('a path that is taken by a foreign file: the conflict is final', async (t) => {
    const { gateway, collectRuntimeFile, input } = await setUp(t);
    await gateway.collect({ runtimePath: 'a.txt' });
    const { failure } = await runAttempt(collectRuntimeFile, input);
    assert.deepEqual([failure?.type, failure?.nonRetryable], ['conflict', true]);
    assert.equal(requestCounts(gateway).files, 1);
  });

  for (const [how, named] of [
    ['as the request does', undefined],
    ['by another id', { runtimeId: 'rt_alias' }],
    ['not at all', { runtimeId: null }],
  ] as const) {
    test(`a path that is taken by a file with the same key, whose runtime the API names ${how}: the runtime decides`, async (t) => {
      const { gateway, input } = await setUp(t);
      const url = await startOddProxy(t, gateway.url, {
        method: 'GET',
        path: /^\/v1\/files\?.*path=/,
        times: Number.POSITIVE_INFINITY,
        change: (response) => {
          const { data, ...page } = JSON.parse(String(response.body));
          response.body = JSON.stringify({
            ...page,
            data: data.map((file: object) => ({ ...file, ...named })),
          });
        },
      });
      const { collectRuntimeFile } = createTestActivities(t, url);
      const toResults = { ...input, destinationPath: '/results.txt' };
      const first = await runAttempt(collectRuntimeFile, toResults);
      const again = await runAttempt(collectRuntimeFile, toResults);
      assert.equal(again.result?.id, first.result?.id);
      const runtimeId = await gateway.createRuntime({ 'a.txt': 'of another runtime' });
      const other = await runAttempt(collectRuntimeFile, { ...toResults, runtimeId });
      assert.deepEqual([other.failure?.type, other.failure?.nonRetryable], ['conflict', true]);
      assert.equal(requestCounts(gateway).files, 1);
    });
  }

  for (const destinationPath of [undefined, '/reports/a.txt']) {
    test(`a path that is taken by a foreign file at ${destinationPath ?? 'the path the API chose'}: ifExists keeps it`, async (t) => {
      const { gateway, collectRuntimeFile, input } = await setUp(t);
      const there = await gateway.collect({ runtimePath: 'a.txt', destinationPath });
      const { result } = await runAttempt(collectRuntimeFile, {
        ...input,
        destinationPath,
        ifExists: 'keep',
      });
      assert.deepEqual([result?.id, result?.kept], [there.body.id, true]);
    });
  }
});

describe('appearsWithin', () => {
  const scheduled = { scheduledTimestampMs: 1_000_000 };
  const at = (elapsedMs: number) => ({
    ...scheduled,
    currentAttemptScheduledTimestampMs: scheduled.scheduledTimestampMs + elapsedMs,
  });

  test('a missing file is retried until its appearsWithin is over', async (t) => {
    const { collectRuntimeFile, input } = await setUp(t);
    const late = { ...input, runtimePath: 'late.txt', appearsWithin: '30s' } as const;
    const before = await runAttempt(collectRuntimeFile, late, at(29_999));
    assert.deepEqual([before.failure?.type, before.failure?.nonRetryable], ['not_found', false]);
    assert.equal(before.failure?.nextRetryDelay, 1_000);
    const after = await runAttempt(collectRuntimeFile, late, at(30_000));
    assert.deepEqual([after.failure?.type, after.failure?.nonRetryable], ['not_found', true]);
  });

  test('a missing runtime is final at once, whatever appearsWithin says', async (t) => {
    const { collectRuntimeFile, input } = await setUp(t);
    const nowhere = { ...input, runtimeId: '00000000-0000-4000-8000-000000000000', appearsWithin: '30s' };
    const { failure } = await runAttempt(collectRuntimeFile, nowhere, at(0));
    assert.deepEqual([failure?.type, failure?.nonRetryable], ['not_found', true]);
  });
});

describe('an invalid input is a final invalid_input that names the field', () => {
  const wrong: [change: object, message: RegExp][] = [
    [{ runtimePath: undefined }, /runtimePath/],
    [{ runtimePath: '' }, /runtimePath/],
    [{ metadata: { [COLLECTION_KEY_FIELD]: 'mine' } }, /metadata: .*temporalCollectionKey/],
    [{ appearsWithin: 'soon' }, /appearsWithin: .*duration/],
    [{ ifExists: 'replace' }, /ifExists/],
    [{ teapot: 1 }, /teapot/],
  ];
  for (const [change, message] of wrong) {
    test(`invalid input ${JSON.stringify(change)} names its field`, async (t) => {
      const { gateway, collectRuntimeFile, input } = await setUp(t);
      const { failure } = await runAttempt(collectRuntimeFile, { ...input, ...change });
      assert.deepEqual([failure?.type, failure?.nonRetryable], ['invalid_input', true]);
      assert.match(failure?.message ?? '', message);
      assert.equal(requestCounts(gateway).collects, 0);
    });
  }

  test('a missing input is invalid_input', async (t) => {
    const { collectRuntimeFile } = await setUp(t);
    assert.equal((await runAttempt(collectRuntimeFile, undefined)).failure?.type, 'invalid_input');
  });
});

describe('failure counts', () => {
  test('failures are counted per class: an outage does not use up the server failures', async (t) => {
    const faults: FaultRule[] = [
      { operation: 'collect', times: 9, fault: { kind: 'respond', status: 500 } },
      { operation: 'collect', times: 50, fault: { kind: 'respond', status: 503 } },
      { operation: 'collect', fault: { kind: 'respond', status: 500 } },
    ];
    const { collectRuntimeFile, input } = await setUp(t, { faults });
    const { failure, attempts } = await runToEnd(collectRuntimeFile, input);
    assert.deepEqual([failure?.type, attempts], ['server', 9 + 50 + 1]);
  });

  test('a crash between attempts does not reset the failure counts', async (t) => {
    const faults: FaultRule[] = [{ operation: 'collect', fault: { kind: 'respond', status: 409 } }];
    const { collectRuntimeFile, input } = await setUp(t, { faults });
    let heartbeatDetails: unknown;
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      ({ heartbeatDetails } = await runAttempt(collectRuntimeFile, input, { attempt, heartbeatDetails }));
    }
    const { failure } = await runAttempt(collectRuntimeFile, input, { attempt: 6, heartbeatDetails });
    assert.deepEqual([failure?.type, failure?.nonRetryable], ['conflict', true]);
  });

  test('an override of maximumFailures holds', async (t) => {
    const faults: FaultRule[] = [{ operation: 'collect', fault: { kind: 'respond', status: 500 } }];
    const activities = { retryTable: { server: { maximumFailures: 3 } } };
    const { collectRuntimeFile, input } = await setUp(t, { faults, activities });
    assert.equal((await runToEnd(collectRuntimeFile, input)).attempts, 3);
  });
});

describe('cancellation and worker shutdown', () => {
  for (const reason of ['CANCELLED', 'WORKER_SHUTDOWN'] as const) {
    test(`${reason} aborts the request within 100 ms and stays a ${reason}`, async (t) => {
      const faults: FaultRule[] = [{ operation: 'collect', fault: { kind: 'delay', delayMs: 10_000 } }];
      const { gateway, collectRuntimeFile, input } = await setUp(t, { faults });
      const env = new MockActivityEnvironment();
      const run = env.run(collectRuntimeFile, input);
      const rejected = assert.rejects(run, (error) => {
        assert.ok(error instanceof CancelledFailure);
        assert.equal(error.message, reason);
        return true;
      });
      await waitFor('the collect', () => requestCounts(gateway).collects === 1);
      const startedMs = performance.now();
      env.cancel(reason);
      await rejected;
      assert.ok(performance.now() - startedMs < 100);
    });
  }
});
