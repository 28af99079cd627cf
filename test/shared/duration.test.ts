import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
// What the SDK does with the durations that this package hands to it.
import { msToNumber } from '@temporalio/common/lib/time.js';
import { type Duration, durationSchema, durationToMs } from '../../src/shared/duration.js';

const valid: Record<string, number> = {
  '1ms': 1,
  '1s': 1_000,
  '1 S': 1_000,
  '30s': 30_000,
  '1.5h': 5_400_000,
  '5m': 300_000,
  '5 minutes': 300_000,
  '2 days': 172_800_000,
  '1w': 604_800_000,
  '10y': 315_576_000_000,
};

const invalid = ['', 's', '5 parsecs', '1s 5m', '1e3s', `${'0'.repeat(100)}1s`];

describe('a duration', () => {
  for (const [text, milliseconds] of Object.entries(valid)) {
    test(`"${text}" is ${milliseconds} ms, for the SDK too`, () => {
      const duration = durationSchema.parse(text);
      assert.equal(durationToMs(duration), milliseconds);
      assert.equal(msToNumber(duration), milliseconds);
    });
  }

  test('a number counts milliseconds, for the SDK too', () => {
    assert.equal(durationToMs(1_500), 1_500);
    assert.equal(msToNumber(1_500), 1_500);
  });

  for (const text of invalid) {
    test(`${JSON.stringify(text)} is refused, by the SDK too`, () => {
      assert.equal(durationSchema.safeParse(text).success, false);
      assert.ok(Number.isNaN(durationToMs(text as Duration)));
      assert.throws(() => msToNumber(text as Duration));
    });
  }
});
