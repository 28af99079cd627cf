import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { median, spread, summarize } from '../../scripts/bench/statistics.js';

describe('summarize', () => {
  it('takes the middle value of an odd number of values, in numeric order', () => {
    assert.deepEqual(summarize([10, 9, 100]), { median: 10, min: 9, max: 100 });
  });

  it('takes the mean of the two in the middle of an even number', () => {
    assert.equal(median([4, 1, 2, 10]), 3);
    assert.equal(median([7]), 7);
  });

  it('leaves its input as it is', () => {
    const values = [3, 1, 2];
    summarize(values);
    assert.deepEqual(values, [3, 1, 2]);
  });

  it('refuses no values', () => {
    assert.throws(() => summarize([]), RangeError);
  });
});

describe('spread', () => {
  it('is what the largest value is beyond the smallest', () => {
    assert.equal(spread([100, 125, 110]), 0.25);
    assert.equal(spread([5]), 0);
  });
});
