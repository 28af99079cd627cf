import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, type TestContext, test } from 'node:test';
import { ActivityFailure, ApplicationFailure, WorkflowFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { BctrlActivities } from '../../src/activities/create-activities.js';
import type { FailureDetails } from '../../src/shared/failure-details.js';
import { COLLECT_FILE } from '../../src/shared/names.js';
import type { CollectFileInput } from '../../src/shared/pipeline-input.js';
import { type ReasonClass, reasonClasses } from '../../src/shared/reason-class.js';
import { retryTable } from '../../src/shared/retry-table.js';
import type { FaultRule } from '../../src/testing.js';
import { createTestActivities } from '../support/activities.js';
import { fileNotFound } from '../support/faults.js';
import { startTestGateway } from '../support/gateway.js';
import { createTimeSkippingEnv, withWorker } from '../support/temporal.js';

const HOUR_MS = 3_600_000;

let env: TestWorkflowEnvironment;
before(async () => {
  env = await createTimeSkippingEnv();
});
after(() => env.teardown());

interface Collected {
  /** Virtual milliseconds between the attempts. */
  readonly delaysMs: number[];
  readonly failure?: ApplicationFailure;
  /** Virtual milliseconds from start to end. */
  readonly elapsedMs: number;
}

/** Collects one file through workflow, worker and gateway, in virtual time. */
async function collect(
  t: TestContext,
  faults: FaultRule[],
  options: Partial<CollectFileInput> = {},
): Promise<Collected> {
  const gateway = await startTestGateway(t, { faults, now: () => nowMs });
  // The gateway has the clock of the server.
  let nowMs = await env.currentTimeMs();
  await gateway.addFile('a.txt');
  const real = createTestActivities(t, gateway.url);
  const attemptsMs: number[] = [];
  const collectRuntimeFile: BctrlActivities['collectRuntimeFile'] = async (input) => {
    nowMs = await env.currentTimeMs();
    attemptsMs.push(nowMs);
    return await real.collectRuntimeFile(input);
  };
  const input = { runtimeId: gateway.runtimeId, runtimePath: 'a.txt', ...options };
  return await withWorker(env, { activities: { ...real, collectRuntimeFile } }, async (taskQueue) => {
    const options = { taskQueue, workflowId: randomUUID(), args: [input] };
    const handle = await env.client.workflow.start(COLLECT_FILE, options);
    const failure = await handle.result().then(() => undefined, toActivityFailure);
    const { startTime, closeTime } = await handle.describe();
    const delaysMs = attemptsMs.slice(1).map((ms, index) => ms - (attemptsMs[index] ?? 0));
    return { delaysMs, elapsedMs: Number(closeTime) - Number(startTime), ...(failure && { failure }) };
  });
}

function toActivityFailure(error: unknown): ApplicationFailure {
  assert.ok(error instanceof WorkflowFailedError, String(error));
  assert.ok(error.cause instanceof ActivityFailure);
  assert.ok(error.cause.cause instanceof ApplicationFailure);
  return error.cause.cause;
}

const respond = (status: number, reasonClass?: ReasonClass, headers = {}): FaultRule['fault'] => ({
  kind: 'respond',
  status,
  headers,
  ...(reasonClass && { body: { code: 'test.code', error: 'Said so.', reasonClass } }),
});

/** The delays are exact, except for the milliseconds that the attempts take. */
function assertDelays(actual: number[], expected: number[]): void {
  assert.equal(actual.length, expected.length);
  for (const [index, delayMs] of expected.entries()) {
    const over = (actual[index] ?? 0) - delayMs;
    assert.ok(over >= 0 && over < 1_000, `delay ${index + 1}: ${actual[index]} ms, not ${delayMs} ms`);
  }
}

/** Seconds before the second to fifth attempt. */
const firstDelays: Record<ReasonClass, number[]> = {
  invalid_input: [],
  unauthorized: [],
  capability_denied: [],
  not_found: [],
  conflict: [1, 2, 4, 8],
  capability_limit_exceeded: [30, 60, 120, 240],
  rate_limited: [1, 2, 4, 8],
  upstream: [1, 2, 4, 8],
  server: [1, 2, 4, 8],
};

for (const reasonClass of reasonClasses) {
  const seconds = firstDelays[reasonClass];

  if (!retryTable[reasonClass].retryable) {
    test(`${reasonClass} fails on attempt 1`, async (t) => {
      const { delaysMs, failure } = await collect(t, [
        { operation: 'collect', fault: respond(400, reasonClass) },
      ]);
      assert.deepEqual(delaysMs, []);
      assert.equal(failure?.type, reasonClass);
      const details = failure?.details?.[0] as FailureDetails | undefined;
      assert.equal(details?.reasonClass, reasonClass);
    });
    continue;
  }

  test(`${reasonClass} is retried after ${seconds.join(', ')} s`, async (t) => {
    const fault = respond(400, reasonClass);
    const { delaysMs, failure } = await collect(t, [{ operation: 'collect', times: seconds.length, fault }]);
    assert.equal(failure, undefined);
    assertDelays(
      delaysMs,
      seconds.map((s) => s * 1_000),
    );
  });

  const { maximumFailures } = retryTable[reasonClass];
  if (maximumFailures !== null) {
    test(`${reasonClass} is given up at failure ${maximumFailures}`, async (t) => {
      const faults = [{ operation: 'collect', fault: respond(400, reasonClass) }] as const;
      const { delaysMs, failure } = await collect(t, [...faults]);
      assert.equal(failure?.type, reasonClass);
      assert.equal(delaysMs.length, maximumFailures - 1);
    });
  }
}

test('a file is collected after an outage of two hours', async (t) => {
  const faults: FaultRule[] = [{ operation: 'collect', times: 125, fault: respond(503) }];
  const { failure, elapsedMs } = await collect(t, faults);
  assert.equal(failure, undefined);
  assert.ok(elapsedMs > 1.9 * HOUR_MS && elapsedMs < 2.1 * HOUR_MS, `${elapsedMs} ms`);
});

for (const [retryAfter, delayMs] of [
  ['300', 300_000],
  ['86400', 600_000],
] as const) {
  test(`Retry-After: ${retryAfter} takes ${delayMs / 1_000} s of virtual time`, async (t) => {
    const startedMs = performance.now();
    const fault = respond(429, undefined, { 'retry-after': retryAfter });
    const { delaysMs, failure } = await collect(t, [{ operation: 'collect', times: 1, fault }]);
    assert.equal(failure, undefined);
    assertDelays(delaysMs, [delayMs]);
    assert.ok(performance.now() - startedMs < 10_000, 'and seconds of real time');
  });
}

test('a file fails after giveUpAfter with the class of its last failure', async (t) => {
  const faults: FaultRule[] = [{ operation: 'collect', fault: respond(503) }];
  const { failure, elapsedMs } = await collect(t, faults, { giveUpAfter: '1h' });
  assert.equal(failure?.type, 'upstream');
  assert.ok(elapsedMs > 0.9 * HOUR_MS && elapsedMs <= HOUR_MS + 1_000, `${elapsedMs} ms`);
});

describe('appearsWithin', () => {
  test('a file that appears in time is collected', async (t) => {
    const faults: FaultRule[] = [{ operation: 'collect', times: 3, fault: fileNotFound }];
    const { delaysMs, failure } = await collect(t, faults, { appearsWithin: '30s' });
    assert.equal(failure, undefined);
    assertDelays(delaysMs, [1_000, 2_000, 4_000]);
  });

  test('a file that does not appear in time fails as not_found', async (t) => {
    const faults: FaultRule[] = [{ operation: 'collect', fault: fileNotFound }];
    const { elapsedMs, failure } = await collect(t, faults, { appearsWithin: '30s' });
    assert.equal(failure?.type, 'not_found');
    // The test server dates an attempt to the end of the one before, so that the time is over one delay later.
    assert.ok(elapsedMs >= 30_000 && elapsedMs < 50_000, `${elapsedMs} ms`);
  });
});
