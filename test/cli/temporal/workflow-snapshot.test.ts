import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import proto from '@temporalio/proto';
import { listPendingRetries, type PendingRetry } from '../../../src/cli/temporal/workflow-snapshot.js';

const NOW_MS = 1_700_000_000_000;

type PendingActivity = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

/** The retries of a workflow with these activities. */
function listRetries(...pendingActivities: PendingActivity[]): PendingRetry[] {
  return listPendingRetries({ raw: { pendingActivities } } as WorkflowExecutionDescription, NOW_MS);
}

const refused = { message: 'a.txt: returned 429', applicationFailureInfo: { type: 'rate_limited' } };

function inMs(ms: number): NonNullable<PendingActivity['nextAttemptScheduleTime']> {
  const atMs = NOW_MS + ms;
  return proto.google.protobuf.Timestamp.fromObject({
    seconds: Math.floor(atMs / 1_000),
    nanos: (atMs % 1_000) * 1_000_000,
  });
}

test('an activity between two attempts is a retry with class and message of its last failure', () => {
  const activity = { activityId: '7', attempt: 3, lastFailure: refused };
  assert.deepEqual(listRetries({ ...activity, nextAttemptScheduleTime: inMs(1_500) }), [
    { id: '7/3', attempt: 3, reason: 'rate_limited: a.txt: returned 429', inMs: 1_500 },
  ]);
});

test('a retry knows when there are no more', () => {
  const activity = { activityId: '1', attempt: 2, lastFailure: refused, nextAttemptScheduleTime: inMs(1) };
  assert.equal(listRetries({ ...activity, expirationTime: inMs(60_000) })[0]?.givesUpInMs, 60_000);
});

for (const [ms, left] of [
  [1, 1],
  [0, 0],
  [-5_000, 0],
] as const) {
  test(`a retry that is due in ${ms} ms has ${left} ms left`, () => {
    const activity = { activityId: '1', attempt: 2, lastFailure: refused };
    assert.equal(listRetries({ ...activity, nextAttemptScheduleTime: inMs(ms) })[0]?.inMs, left);
  });
}

test('retries of different attempts have different ids', () => {
  const activity = { activityId: '1', lastFailure: refused, nextAttemptScheduleTime: inMs(1) };
  const ids = listRetries({ ...activity, attempt: 2 }, { ...activity, attempt: 3 }).map(({ id }) => id);
  assert.equal(new Set(ids).size, 2);
});

test('a timed-out attempt counts as a lost worker', () => {
  const lastFailure = { message: 'activity Heartbeat timeout', timeoutFailureInfo: {} };
  const activity = { activityId: '1', attempt: 2, lastFailure, nextAttemptScheduleTime: inMs(1) };
  assert.equal(listRetries(activity)[0]?.reason, 'lost worker: activity Heartbeat timeout');
});

test('a first attempt, a running attempt and no activity are not retries', () => {
  assert.deepEqual(listRetries({ activityId: '1', attempt: 1, nextAttemptScheduleTime: inMs(1) }), []);
  assert.deepEqual(listRetries({ activityId: '1', attempt: 2, lastFailure: refused }), []);
  assert.deepEqual(listRetries(), []);
});
