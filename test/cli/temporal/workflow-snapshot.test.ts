import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { defaultDataConverter, defaultPayloadConverter } from '@temporalio/common';
import proto from '@temporalio/proto';
import type { Session } from '../../../src/cli/temporal/session.js';
import { listPendingRetries, type PendingRetry } from '../../../src/cli/temporal/workflow-snapshot.js';

const NOW_MS = 1_700_000_000_000;

type PendingActivity = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

/** The retries of a workflow with these activities. */
function listRetries(...pendingActivities: PendingActivity[]): Promise<PendingRetry[]> {
  const description = { raw: { pendingActivities } } as WorkflowExecutionDescription;
  return listPendingRetries(session, description, NOW_MS);
}

const session = { client: { options: { loadedDataConverter: defaultDataConverter } } } as Session;

const refused = { message: 'a.txt: returned 429', applicationFailureInfo: { type: 'rate_limited' } };

function inMs(ms: number): NonNullable<PendingActivity['nextAttemptScheduleTime']> {
  const atMs = NOW_MS + ms;
  return proto.google.protobuf.Timestamp.fromObject({
    seconds: Math.floor(atMs / 1_000),
    nanos: (atMs % 1_000) * 1_000_000,
  });
}

test('an activity between two attempts is a retry with class and message of its last failure', async () => {
  const activity = { activityId: '7', attempt: 3, lastFailure: refused };
  assert.deepEqual(await listRetries({ ...activity, nextAttemptScheduleTime: inMs(1_500) }), [
    { id: '7/3', attempt: 3, reason: 'rate_limited: a.txt: returned 429', inMs: 1_500 },
  ]);
});

test('a retry knows when there are no more', async () => {
  const activity = { activityId: '1', attempt: 2, lastFailure: refused, nextAttemptScheduleTime: inMs(1) };
  assert.equal((await listRetries({ ...activity, expirationTime: inMs(60_000) }))[0]?.givesUpInMs, 60_000);
});

for (const [ms, left] of [
  [1, 1],
  [0, 0],
  [-5_000, 0],
] as const) {
  test(`a retry that is due in ${ms} ms has ${left} ms left`, async () => {
    const activity = { activityId: '1', attempt: 2, lastFailure: refused };
    assert.equal((await listRetries({ ...activity, nextAttemptScheduleTime: inMs(ms) }))[0]?.inMs, left);
  });
}

test('retries of different attempts have different ids', async () => {
  const activity = { activityId: '1', lastFailure: refused, nextAttemptScheduleTime: inMs(1) };
  const retries = await listRetries({ ...activity, attempt: 2 }, { ...activity, attempt: 3 });
  const ids = retries.map(({ id }) => id);
  assert.equal(new Set(ids).size, 2);
});

test('the message of an encoded failure is that of its payload', async () => {
  const encodedAttributes = defaultPayloadConverter.toPayload({ message: 'a.txt: 429', stack_trace: '' });
  const lastFailure = {
    ...refused,
    message: 'Encoded failure',
    encodedAttributes: encodedAttributes ?? null,
  };
  const activity = { activityId: '1', attempt: 2, lastFailure, nextAttemptScheduleTime: inMs(1) };
  assert.equal((await listRetries(activity))[0]?.reason, 'rate_limited: a.txt: 429');
});

test('a timed-out attempt counts as a lost worker', async () => {
  const lastFailure = { message: 'activity Heartbeat timeout', timeoutFailureInfo: {} };
  const activity = { activityId: '1', attempt: 2, lastFailure, nextAttemptScheduleTime: inMs(1) };
  assert.equal((await listRetries(activity))[0]?.reason, 'lost worker: activity Heartbeat timeout');
});

test('a first attempt, a running attempt and no activity are not retries', async () => {
  assert.deepEqual(await listRetries({ activityId: '1', attempt: 1, nextAttemptScheduleTime: inMs(1) }), []);
  assert.deepEqual(await listRetries({ activityId: '1', attempt: 2, lastFailure: refused }), []);
  assert.deepEqual(await listRetries(), []);
});
