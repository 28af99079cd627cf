import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRetryAfter } from '../../src/bctrl/retry-after.js';

const NOW = Date.UTC(1994, 10, 6, 8, 49, 0);
const MAXIMUM_MS = 10 * 60 * 1_000;

const readable: [value: string, ms: number][] = [
  ['0', 0],
  ['1', 1_000],
  ['120', 120_000],
  [' 7 ', 7_000],
  ['007', 7_000],
  ['600', MAXIMUM_MS],
  ['599', 599_000],
  ['601', MAXIMUM_MS],
  ['86400', MAXIMUM_MS],
  ['99999999999999999999999', MAXIMUM_MS],
  // The three forms of one date in RFC 9110.
  ['Sun, 06 Nov 1994 08:49:37 GMT', 37_000],
  ['Sunday, 06-Nov-94 08:49:37 GMT', 37_000],
  ['Sun Nov  6 08:49:37 1994', 37_000],
  ['Sun Nov  6 08:58:59 1994', 599_000],
  ['Sun Nov 16 08:49:00 1994', MAXIMUM_MS],
  ['Sun, 06 Nov 1994 08:48:59 GMT', 0],
  ['Sun, 06 Nov 2094 08:49:37 GMT', MAXIMUM_MS],
  // A two-digit year more than 50 years ahead is in the past.
  ['Sunday, 06-Nov-45 08:49:37 GMT', 0],
  ['Sunday, 06-Nov-44 08:49:37 GMT', MAXIMUM_MS],
];

for (const [value, ms] of readable) {
  test(`"${value}" → ${ms} ms`, () => assert.equal(parseRetryAfter(value, NOW), ms));
}

const unreadable = [
  '',
  ' ',
  '-1',
  '+1',
  '1.5',
  '1e3',
  '0x10',
  '5s',
  '5, 6',
  'soon',
  'Infinity',
  '1994-11-06T08:49:37Z',
  'Sun, 06 Nov 1994 08:49:37',
  'Sun, 06 Nov 1994 08:49:37 UTC',
  'Sun, 31 Feb 1994 08:49:37 GMT',
  'Sun, 06 Nov 1994 24:00:00 GMT',
  'Sun, 06 Nov 1994 08:60:00 GMT',
  'sun, 06 nov 1994 08:49:37 gmt',
  'Xyz, 06 Nov 1994 08:49:37 GMT',
];

for (const value of unreadable) {
  test(`"${value}" → undefined`, () => assert.equal(parseRetryAfter(value, NOW), undefined));
}

test('no header → undefined', () => assert.equal(parseRetryAfter(undefined, NOW), undefined));
