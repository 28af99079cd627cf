import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseOptions, UsageError } from '../../scripts/bench/parse-options.js';
import { createPlan } from '../../scripts/bench/plan.js';

describe('parseOptions', () => {
  it('takes nothing, and everything', () => {
    assert.deepEqual(parseOptions([]), {
      quick: false,
      strict: false,
      repetitions: undefined,
      json: undefined,
    });
    assert.deepEqual(parseOptions(['--quick', '--strict', '--repetitions', '5', '--json', 'out.json']), {
      quick: true,
      strict: true,
      repetitions: 5,
      json: 'out.json',
    });
  });

  for (const argv of [
    ['--repetitions', '0'],
    ['--repetitions', '100'],
    ['--repetitions=-1'],
    ['--repetitions'],
    ['--json='],
    ['--fast'],
    ['10'],
  ]) {
    it(`refuses ${argv.join(' ')} in one line`, () => {
      assert.throws(
        () => parseOptions(argv),
        (error) => error instanceof UsageError && !error.message.includes('\n'),
      );
    });
  }
});

describe('createPlan', () => {
  it('measures once when it has to be quick, unless told otherwise', () => {
    assert.equal(createPlan({ quick: true }).repetitions, 1);
    assert.equal(createPlan({ quick: true, repetitions: 2 }).repetitions, 2);
    assert.equal(createPlan({ quick: false }).repetitions, 3);
  });
});
