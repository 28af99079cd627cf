import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApplicationFailure } from '@temporalio/common';
import { reasonClasses } from '../../src/shared/reason-class.js';
import { apiFailure } from '../../src/testing.js';
import { createTestActivities, runAttempt } from '../support/activities.js';
import { startServer } from '../support/client.js';

/** Everything that Temporal sends of a failure. */
function toComparable({ type, details, nonRetryable, nextRetryDelay, category }: ApplicationFailure) {
  return { type, details, nonRetryable, nextRetryDelay, category };
}

const said = { code: 'x.y', hint: 'Do this.', requestId: 'req_1', details: { field: 'x' } };

for (const reasonClass of reasonClasses) {
  for (const retryAfter of [undefined, '17s'] as const) {
    test(`apiFailure('${reasonClass}') with Retry-After ${retryAfter} is what an activity throws`, async (t) => {
      const url = await startServer(t, (_request, response) => {
        response.writeHead(418, retryAfter && { 'retry-after': '17' });
        response.end(JSON.stringify({ ...said, error: 'Said so.', reasonClass }));
      });
      const input = { runtimeId: 'rt_1' };
      const { failure } = await runAttempt(createTestActivities(t, url).getActiveRun, input);
      assert.ok(failure);
      const mocked = apiFailure(reasonClass, { ...said, status: 418, message: failure.message, retryAfter });
      assert.deepEqual(toComparable(mocked), toComparable(failure));
      assert.equal(mocked.message, failure.message);
    });
  }

  test(`apiFailure('${reasonClass}') obeys retryable`, () => {
    const code = 'storage_file.path_exists';
    assert.equal(apiFailure(reasonClass, { code, retryable: true }).nonRetryable, false);
    assert.equal(apiFailure(reasonClass, { code, retryable: false }).nonRetryable, true);
  });
}

test('apiFailure without options names its class, and has no other details', () => {
  const failure = apiFailure('conflict');
  assert.match(failure.message, /conflict/);
  assert.deepEqual(failure.details, [{ reasonClass: 'conflict' }]);
});

test('apiFailure marks a file that may exist nevertheless', () => {
  const failure = apiFailure('upstream', { unverified: true });
  assert.deepEqual(failure.details, [{ reasonClass: 'upstream', unverified: true }]);
});
