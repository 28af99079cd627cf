import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { type PendingRetry, pendingRetries } from '../../src/cli/temporal/pending-retries.js';

const NOW_MS = 1_700_000_000_000;

type PendingActivity = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

/** The retries of a workflow with these activities. */
function retriesOf(...pendingActivities: PendingActivity[]): PendingRetry[] {
  return pendingRetries({ raw: { pendingActivities } } as WorkflowExecutionDescription, NOW_MS);
}

const refused = { message: 'a.txt: returned 429', applicationFailureInfo: { type: 'rate_limited' } };
const inMs = (ms: number) => msToTs(NOW_MS + ms);

test('an activity between two attempts is a retry, with class and message of its last failure', () => {
  const activity = { activityId: '7', attempt: 3, lastFailure: refused };
  assert.deepEqual(retriesOf({ ...activity, nextAttemptScheduleTime: inMs(1_500) }), [
    { id: '7/3', attempt: 3, reason: 'rate_limited: a.txt: returned 429', inMs: 1_500 },
  ]);
});

for (const [ms, left] of [
  [1, 1],
  [0, 0],
  [-5_000, 0],
] as const) {
  test(`one that is due in ${ms} ms has ${left} ms left`, () => {
    const activity = { activityId: '1', attempt: 2, lastFailure: refused };
    assert.equal(retriesOf({ ...activity, nextAttemptScheduleTime: inMs(ms) })[0]?.inMs, left);
  });
}

test('every attempt of an activity is a retry of its own', () => {
  const activity = { activityId: '1', lastFailure: refused, nextAttemptScheduleTime: inMs(1) };
  const ids = retriesOf({ ...activity, attempt: 2 }, { ...activity, attempt: 3 }).map(({ id }) => id);
  assert.equal(new Set(ids).size, 2);
});

test('an attempt that timed out has lost its worker', () => {
  const lastFailure = { message: 'activity Heartbeat timeout', timeoutFailureInfo: {} };
  const activity = { activityId: '1', attempt: 2, lastFailure, nextAttemptScheduleTime: inMs(1) };
  assert.equal(retriesOf(activity)[0]?.reason, 'lost worker: activity Heartbeat timeout');
});

test('no retries: a first attempt, a later one that runs, no activity at all', () => {
  assert.deepEqual(retriesOf({ activityId: '1', attempt: 1, nextAttemptScheduleTime: inMs(1) }), []);
  assert.deepEqual(retriesOf({ activityId: '1', attempt: 2, lastFailure: refused }), []);
  assert.deepEqual(retriesOf(), []);
});
