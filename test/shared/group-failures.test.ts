import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeFailureGroup, groupFailures } from '../../src/shared/group-failures.js';
import type { FailedOutcome } from '../../src/shared/pipeline-report.js';

function failed(runtimePath: string, fields: Partial<FailedOutcome> = {}): FailedOutcome {
  const problem = 'POST /v1/runtimes/rt_1/files/collect returned 401 auth.required: The key has expired.';
  return {
    outcome: 'failed',
    runtimePath,
    reasonClass: 'unauthorized',
    status: 401,
    code: 'auth.required',
    message: `${runtimePath}: ${problem}`,
    ...fields,
  };
}

describe('groupFailures', () => {
  test('failures of one class, code and status are one group, with the first as an example', () => {
    const files = [failed('a', { requestId: 'req_1' }), failed('b', { requestId: 'req_2' })];
    assert.deepEqual(groupFailures(files), [{ count: 2, first: files[0] }]);
  });

  test('another class, code or status is another group', () => {
    const files = [
      failed('a'),
      failed('b', { reasonClass: 'capability_denied' }),
      failed('c', { code: 'auth.revoked' }),
      failed('d', { status: 419 }),
    ];
    assert.equal(groupFailures(files).length, 4);
  });

  test('the largest group comes first, and equal ones keep their order', () => {
    const files = [failed('a', { status: 1 }), failed('b', { status: 2 }), failed('c'), failed('d')];
    assert.deepEqual(
      groupFailures(files).map(({ count, first }) => [count, first.runtimePath]),
      [
        [2, 'c'],
        [1, 'a'],
        [1, 'b'],
      ],
    );
  });

  test('problems without a class are grouped by their message', () => {
    const problems = ['x', 'y', 'x'].map((message) => ({ message }));
    assert.deepEqual(
      groupFailures(problems).map(({ count }) => count),
      [2, 1],
    );
  });
});

describe('describeFailureGroup', () => {
  test('a single failure is its message', () => {
    const first = failed('out/13.txt');
    assert.equal(describeFailureGroup({ count: 1, first }), first.message);
  });

  test('many failures are their number, their cause and one path', () => {
    assert.equal(
      describeFailureGroup({ count: 1_234, first: failed('out/13.txt') }),
      '×1,234: 401 auth.required: The key has expired, e.g. out/13.txt',
    );
  });

  test('without a response, the cause has the request', () => {
    const message = 'a: POST /v1/runtimes/rt_1/files/collect got no response: ECONNREFUSED';
    assert.equal(
      describeFailureGroup({ count: 2, first: failed('a', { message }) }),
      '×2: POST /v1/runtimes/rt_1/files/collect got no response: ECONNREFUSED, e.g. a',
    );
  });

  test('a message that does not begin with the path is taken whole', () => {
    const message = 'files 1–100 of 300: no attempt finished in time';
    assert.equal(
      describeFailureGroup({ count: 2, first: failed('a', { message }) }),
      `×2: ${message}, e.g. a`,
    );
  });
});
