import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker } from '../../src/activities/circuit-breaker.js';
import { BctrlError } from '../../src/bctrl/bctrl-error.js';

const unavailable = new BctrlError('returned 503', {
  reasonClass: 'upstream',
  status: 503,
  mayHaveSucceeded: true,
});

for (const [inFlight, threshold] of [
  [1, 5],
  [5, 5],
  [8, 8],
] as const) {
  test(`with ${inFlight} requests in flight, the breaker opens at the ${threshold}th failure in a row`, () => {
    const breaker = new CircuitBreaker();
    for (let failures = 1; failures < threshold; failures += 1) {
      breaker.recordApiFailure(unavailable, inFlight);
    }
    assert.deepEqual([breaker.trippedBy, breaker.signal.aborted], [undefined, false]);
    breaker.recordApiFailure(unavailable, inFlight);
    assert.deepEqual([breaker.trippedBy, breaker.signal.aborted], [unavailable, true]);
  });
}

test('a success resets the count of the breaker', () => {
  const breaker = new CircuitBreaker();
  const failTimes = (times: number) => {
    for (let failures = 0; failures < times; failures += 1) breaker.recordApiFailure(unavailable, 1);
  };
  failTimes(4);
  breaker.recordResponse();
  failTimes(4);
  assert.equal(breaker.trippedBy, undefined);
  failTimes(1);
  assert.equal(breaker.trippedBy, unavailable);
});

for (const [what, error] of [
  ['a rate limit', { reasonClass: 'rate_limited', status: 429, mayHaveSucceeded: false }],
  ['a connection that was never made', { reasonClass: 'upstream', mayHaveSucceeded: false }],
] as const) {
  test(`${what} opens the breaker at once`, () => {
    const breaker = new CircuitBreaker();
    const first = new BctrlError(what, error);
    breaker.recordApiFailure(first, 32);
    breaker.recordApiFailure(unavailable, 32);
    assert.equal(breaker.trippedBy, first);
  });
}
