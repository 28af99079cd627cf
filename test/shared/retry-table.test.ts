import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { durationToMs } from '../../src/shared/duration.js';
import { type ReasonClass, reasonClasses } from '../../src/shared/reason-class.js';
import {
  nextRetryDelayMs,
  type RetryRule,
  type RetryTableOverrides,
  resolveRetryTable,
  retryTable,
} from '../../src/shared/retry-table.js';

const noJitter = () => 0;
const MANY_FAILURES = 1_000;

/** The rules of the contract, in words. A new or changed row fails until it is written here. */
const contract: Record<ReasonClass, string> = {
  invalid_input: 'final',
  unauthorized: 'final',
  capability_denied: 'final',
  capability_limit_exceeded: '30000 ×2 ≤600000, 20 failures',
  rate_limited: '1000 ×2 ≤60000',
  not_found: 'final',
  conflict: '1000 ×2 ≤10000, 5 failures, not storage_file.path_exists runtime.not_active',
  upstream: '1000 ×2 ≤60000',
  server: '1000 ×2 ≤60000, 10 failures',
};

function inWords(rule: RetryRule): string {
  if (!rule.retryable) return 'final';
  const [first, most] = [durationToMs(rule.initialInterval), durationToMs(rule.maximumInterval)];
  const delay = `${first} ×${rule.backoffCoefficient} ≤${most}`;
  const count = rule.maximumFailures === null ? '' : `, ${rule.maximumFailures} failures`;
  return (
    delay + count + (rule.nonRetryableCodes.length > 0 ? `, not ${rule.nonRetryableCodes.join(' ')}` : '')
  );
}

test('the table has a row for each class and no other', () => {
  assert.deepEqual(Object.keys(retryTable).sort(), [...reasonClasses].sort());
});

for (const reasonClass of reasonClasses) {
  const rule = retryTable[reasonClass];
  const delayAfter = (failures: number) => nextRetryDelayMs(rule, { failures }, noJitter);

  describe(`${reasonClass}: ${contract[reasonClass]}`, () => {
    test('the table agrees with the contract', () => {
      assert.equal(inWords(rule), contract[reasonClass]);
    });

    if (!rule.retryable) {
      test('its first failure is final, even with a Retry-After', () => {
        assert.equal(delayAfter(1), null);
        assert.equal(nextRetryDelayMs(rule, { failures: 1, retryAfterMs: 5_000 }, noJitter), null);
      });
      return;
    }

    test('delays double from the first to the longest', () => {
      const last = (rule.maximumFailures ?? MANY_FAILURES) - 1;
      let expected = durationToMs(rule.initialInterval);
      for (let failures = 1; failures <= last; failures += 1) {
        assert.equal(delayAfter(failures), expected);
        expected = Math.min(expected * rule.backoffCoefficient, durationToMs(rule.maximumInterval));
      }
    });

    test('a Retry-After replaces the computed delay, whether it is shorter or longer', () => {
      assert.equal(nextRetryDelayMs(rule, { failures: 4, retryAfterMs: 3_600_000 }, noJitter), 3_600_000);
      assert.equal(nextRetryDelayMs(rule, { failures: 4, retryAfterMs: 1_500 }, noJitter), 1_500);
    });

    test('no delay is under a second', () => {
      assert.equal(nextRetryDelayMs(rule, { failures: 1, retryAfterMs: 0 }, noJitter), 1_000);
    });

    test('jitter adds up to a tenth', () => {
      const plain = delayAfter(1) ?? 0;
      assert.equal(
        nextRetryDelayMs(rule, { failures: 1 }, () => 0.5),
        plain * 1.05,
      );
      const most = nextRetryDelayMs(rule, { failures: 1 }, () => 0.999_999) ?? 0;
      assert.ok(most > plain && most <= plain * 1.1);
    });

    const { maximumFailures } = rule;
    if (maximumFailures === null) {
      test('no number of failures is final', () => assert.notEqual(delayAfter(MANY_FAILURES), null));
    } else {
      test(`failure ${maximumFailures - 1} is retried, failure ${maximumFailures} is final`, () => {
        assert.notEqual(delayAfter(maximumFailures - 1), null);
        assert.equal(delayAfter(maximumFailures), null);
      });
    }

    for (const code of rule.nonRetryableCodes) {
      test(`code ${code} is final at once`, () => {
        assert.equal(nextRetryDelayMs(rule, { code, failures: 1 }, noJitter), null);
      });
    }
  });
}

describe('overrides', () => {
  test('change only the fields that they name', () => {
    const table = resolveRetryTable({ server: { maximumFailures: 3 }, not_found: { retryable: true } });
    assert.deepEqual(table.server, { ...retryTable.server, maximumFailures: 3 });
    assert.deepEqual(table.not_found, { ...retryTable.not_found, retryable: true });
    assert.deepEqual(table.upstream, retryTable.upstream);
  });

  test('without overrides the table is the default one', () =>
    assert.deepEqual(resolveRetryTable(), retryTable));

  test('a field that is undefined is not changed', () => {
    const server = { backoffCoefficient: undefined, maximumFailures: undefined };
    // @ts-expect-error only a compiler without exactOptionalPropertyTypes accepts it
    assert.deepEqual(resolveRetryTable({ server, upstream: undefined }), retryTable);
  });

  const count = 'expected a whole number above 0, or null';
  const factor = 'expected a number of at least 1';
  const wrong: [problem: string, overrides: unknown, message: string | RegExp][] = [
    ['a text', 'server', /^retryTable: /],
    ['null', null, /^retryTable: /],
    ['an unknown class', { teapot: { retryable: true } }, 'retryTable: Unrecognized key: "teapot"'],
    ['a class without a rule', { server: 3 }, /^retryTable\.server: /],
    [
      'an unknown field',
      { server: { maxFailures: 3 } },
      'retryTable.server: Unrecognized key: "maxFailures"',
    ],
    ['no failure', { server: { maximumFailures: 0 } }, `retryTable.server.maximumFailures: ${count}`],
    ['half a failure', { server: { maximumFailures: 0.5 } }, `retryTable.server.maximumFailures: ${count}`],
    [
      'a wrong duration',
      { server: { initialInterval: '5 bananas' } },
      /^retryTable\.server\.initialInterval: expected a duration /,
    ],
    [
      'a factor of 0',
      { server: { backoffCoefficient: 0 } },
      `retryTable.server.backoffCoefficient: ${factor}`,
    ],
    [
      'a factor of NaN',
      { server: { backoffCoefficient: Number.NaN } },
      `retryTable.server.backoffCoefficient: ${factor}`,
    ],
    [
      'a text for codes',
      { conflict: { nonRetryableCodes: 'x' } },
      /^retryTable\.conflict\.nonRetryableCodes: /,
    ],
  ];
  for (const [problem, overrides, message] of wrong) {
    test(`${problem} is refused in one line that names the field`, () => {
      // The types refuse it too.
      assert.throws(
        () => resolveRetryTable(overrides as RetryTableOverrides),
        (error) => {
          assert.ok(error instanceof TypeError);
          if (typeof message === 'string') assert.equal(error.message, message);
          else assert.match(error.message, message);
          assert.doesNotMatch(error.message, /\n/);
          return true;
        },
      );
    });
  }
});
