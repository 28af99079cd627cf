import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger, type LogEntry } from '@temporalio/worker';
import type { CollectOutcome } from '../../src/shared/collect-outcome.js';
import type { RetryTableOverrides } from '../../src/shared/retry-table.js';
import type { FaultRule, GatewayOptions } from '../../src/testing.js';
import { createTestActivities, runAttempt, runToEnd } from '../support/activities.js';
import { startTestGateway } from '../support/gateway.js';
import { TestMeter } from '../support/meter.js';

const FILES = 150;
const MAX_REQUESTS = 32;
/** Refusals in a row that decide, and what was in flight at the first of them. */
const MAX_REFUSED_AT_FIRST = 5;
const MAX_REFUSED_LATER = 3 + MAX_REQUESTS;
const info = { scheduleToCloseTimeoutMs: 3_600_000 };

const respond = (status: number, reasonClass?: string, code?: string) => ({
  kind: 'respond' as const,
  status,
  ...(code !== undefined && { body: { code, error: 'No.', reasonClass } }),
});

const refusals = {
  'a 401': respond(401),
  'a 403': respond(403),
  'a 404 of the runtime': respond(404, 'not_found', 'runtime.not_found'),
  'a 409 of a runtime that is not active': respond(409, 'conflict', 'runtime.not_active'),
  'a 410 of the runtime': respond(410, 'not_found', 'runtime.deleted'),
  'a 404 of the run': respond(404, 'not_found', 'run.not_found'),
};

async function setUp(
  t: TestContext,
  faults: FaultRule[],
  options: Partial<GatewayOptions> & { retryTable?: RetryTableOverrides } = {},
) {
  const { retryTable, ...gatewayOptions } = options;
  const gateway = await startTestGateway(t, { onPathExists: 'keep-both', faults, ...gatewayOptions });
  const files = Array.from({ length: FILES }, (_, index) => ({ runtimePath: `${index}.txt` }));
  await gateway.writeFiles(
    gateway.runtimeId,
    Object.fromEntries(files.map(({ runtimePath }) => [runtimePath, 'hello'])),
  );
  const { collectRuntimeFiles } = createTestActivities(t, gateway.url, {
    client: { maxRequests: MAX_REQUESTS },
    ...(retryTable && { retryTable }),
  });
  const input = { runtimeId: gateway.runtimeId, collectionKey: 'workflow/run', files };
  const collects = () => gateway.snapshot().requests.collect ?? 0;
  return { gateway, collectRuntimeFiles, input, collects };
}

function select(outcomes: readonly CollectOutcome[] = []) {
  const failed = outcomes.filter((outcome) => outcome.outcome === 'failed');
  return {
    collected: outcomes.length - failed.length,
    failed,
    untried: failed.filter(({ untried }) => untried),
  };
}

for (const [what, fault] of Object.entries(refusals)) {
  describe(`${what} for every file`, () => {
    test(`stops a batch of ${FILES} files after at most ${MAX_REFUSED_AT_FIRST} requests, and all have the failure`, async (t) => {
      const { collectRuntimeFiles, input, collects } = await setUp(t, [{ operation: 'collect', fault }]);
      const { result } = await runAttempt(collectRuntimeFiles, input, info);
      assert.ok(collects() <= MAX_REFUSED_AT_FIRST, `${collects()} requests`);
      const { failed, untried } = select(result);
      assert.deepEqual([failed.length, untried.length], [FILES, FILES - collects()]);
      const causes = new Set(
        failed.map(({ reasonClass, code, status }) => `${reasonClass} ${code} ${status}`),
      );
      assert.equal(causes.size, 1);
      assert.deepEqual(
        failed.filter(({ unverified }) => unverified),
        [],
      );
      const message =
        /^149\.txt: not tried, because other files were refused: POST .*\/collect returned 4\d\d /;
      assert.match(failed.at(-1)?.message ?? '', message);
      assert.equal(failed.at(-1)?.requestId, undefined);
    });

    test('after 100 files: stops soon, and keeps what was collected', async (t) => {
      const faults: FaultRule[] = [{ operation: 'collect', skip: 100, fault }];
      const { gateway, collectRuntimeFiles, input, collects } = await setUp(t, faults);
      const { result } = await runAttempt(collectRuntimeFiles, input, info);
      const refused = collects() - 100;
      // After a success, a 403 may be about some of the files.
      const most = what === 'a 403' ? MAX_REFUSED_LATER + 7 : MAX_REFUSED_LATER;
      t.diagnostic(`${refused} requests were refused`);
      assert.ok(refused <= most, `${refused} requests were refused`);
      const { collected, failed, untried } = select(result);
      assert.deepEqual([collected, failed.length, untried.length], [100, FILES - 100, FILES - 100 - refused]);
      assert.equal(gateway.snapshot().files.length, 100);
    });

    test('a later run collects the rest, each file once', async (t) => {
      const faults: FaultRule[] = [{ operation: 'collect', skip: 100, fault }];
      const { gateway, collectRuntimeFiles, input } = await setUp(t, faults);
      await runAttempt(collectRuntimeFiles, input, info);
      gateway.setFaults([]);
      const again = { ...input, checkExistingFirst: true };
      const { result } = await runAttempt(collectRuntimeFiles, again, info);
      assert.equal(select(result).collected, FILES);
      assert.equal(gateway.snapshot().files.length, FILES);
    });
  });
}

describe('what is about some files does not stop the others', () => {
  const several = (fault: FaultRule['fault'], from: number, to: number): FaultRule[] =>
    Array.from({ length: to - from }, (_, index) => ({
      operation: 'collect',
      runtimePath: `${from + index}.txt`,
      fault,
    }));

  for (const [what, fault] of Object.entries({
    'a missing file': respond(404, 'not_found', 'file.not_found'),
    'a missing file with another code': respond(404, 'not_found', 'runtime_file.not_found'),
    'a 404 without a code': { ...respond(404), body: 'Not found' },
    'a wrong path': respond(400, 'invalid_input', 'runtime_file.path_invalid'),
    'a 403 with the code of a file': respond(403, 'capability_denied', 'file.forbidden'),
    'a taken path': respond(409, 'conflict', 'collect.blocked'),
  })) {
    test(`${what}, 40 times in a row from the first file on`, async (t) => {
      const retryTable = { conflict: { retryable: false } };
      const { collectRuntimeFiles, input } = await setUp(t, several(fault, 0, 40), { retryTable });
      const { result } = await runAttempt(collectRuntimeFiles, input, info);
      const { collected, untried } = select(result);
      assert.deepEqual([collected, untried.length], [FILES - 40, 0]);
    });
  }

  test('two 401 among files that are collected', async (t) => {
    const { collectRuntimeFiles, input } = await setUp(t, several(respond(401), 0, 2));
    const { result } = await runAttempt(collectRuntimeFiles, input, info);
    const { collected, untried } = select(result);
    assert.deepEqual([collected, untried.length], [FILES - 2, 0]);
  });

  test('nine 403 in a row after files that were collected', async (t) => {
    const { collectRuntimeFiles, input } = await setUp(t, several(respond(403), 100, 109));
    const { result } = await runAttempt(collectRuntimeFiles, input, info);
    const { collected, untried } = select(result);
    assert.deepEqual([collected, untried.length], [FILES - 9, 0]);
  });
});

describe('a refusal in a later attempt', () => {
  test('keeps outcomes of earlier attempts, and looks for files that may have been made', async (t) => {
    const faults: FaultRule[] = [
      { operation: 'collect', runtimePath: '7.txt', times: 1, fault: { kind: 'drop-response' } },
      { operation: 'collect', runtimePath: '8.txt', times: 1, fault: respond(503) },
    ];
    const { gateway, collectRuntimeFiles, input } = await setUp(t, faults);
    const first = await runAttempt(collectRuntimeFiles, input, info);
    assert.equal(first.failure?.type, 'upstream');
    gateway.setFaults([{ operation: 'collect', fault: refusals['a 404 of the runtime'] }]);
    const next = { ...info, attempt: 2, heartbeatDetails: first.heartbeatDetails };
    const { result } = await runAttempt(collectRuntimeFiles, input, next);
    assert.equal(select(result).collected, FILES - 1, 'only 8.txt was not made');
    assert.equal(gateway.snapshot().files.length, FILES - 1);
  });

  test('of the lookup leaves all its files untried after one request', async (t) => {
    const { collectRuntimeFiles, input, collects } = await setUp(t, [
      { operation: '*', fault: respond(401) },
    ]);
    const again = { ...input, checkExistingFirst: true };
    const { result } = await runAttempt(collectRuntimeFiles, again, info);
    assert.deepEqual([collects(), select(result).untried.length], [0, FILES]);
  });
});

test('a class that the retry table retries is retried for each file', async (t) => {
  const retryTable = { unauthorized: { retryable: true, maximumFailures: 3 } };
  const faults: FaultRule[] = [{ operation: 'collect', times: FILES, fault: respond(401) }];
  const { collectRuntimeFiles, input } = await setUp(t, faults, { retryTable });
  const { result } = await runToEnd(collectRuntimeFiles, input, info);
  assert.equal(select(result).collected, FILES);
});

test('the log has one line for all the files that a refusal stopped, and the metrics count each', async (t) => {
  const faults: FaultRule[] = [{ operation: 'collect', skip: 100, fault: respond(401) }];
  const { collectRuntimeFiles, input, collects } = await setUp(t, faults);
  const [meter, entries] = [new TestMeter(), [] as LogEntry[]];
  const logger = new DefaultLogger('INFO', (entry) => void entries.push(entry));
  await new MockActivityEnvironment(info, { metricMeter: meter, logger }).run(
    collectRuntimeFiles as (input: unknown) => Promise<unknown>,
    input,
  );
  const [line, ...others] = entries.filter(({ message }) => message.startsWith('collect '));
  assert.deepEqual(others, []);
  const { runtimePath, reasonClass, code, status, files, untried, problem } = line?.meta ?? {};
  assert.deepEqual([line?.level, line?.message], ['WARN', 'collect failed']);
  assert.deepEqual(
    [reasonClass, code, status, files, untried],
    ['unauthorized', 'auth.required', 401, FILES - 100, FILES - collects()],
  );
  assert.match(`${runtimePath} ${problem}`, /^\d+\.txt POST .* returned 401 auth\.required/);
  const tags = { namespace: 'test', taskQueue: 'test', activityType: 'unknown' };
  const failed = { ...tags, outcome: 'failed', reason_class: 'unauthorized' };
  assert.equal(meter.sum('bctrl_collects', failed), FILES - 100);
});
