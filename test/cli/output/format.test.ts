import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatBytes, formatDuration } from '../../../src/cli/output/format.js';

for (const [bytes, text] of [
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [999_949, '999.9 kB'],
  [999_950, '1.0 MB'],
  [1_000_000, '1.0 MB'],
  [1_234_567_890, '1.2 GB'],
  [5e15, '5000.0 TB'],
] as const) {
  test(`${bytes} bytes read ${text}`, () => assert.equal(formatBytes(bytes), text));
}

for (const [ms, text] of [
  [-1, '0.0 s'],
  [12_340, '12.3 s'],
  [59_949, '59.9 s'],
  [59_950, '1 min'],
  [245_000, '4 min 5 s'],
  [3_599_600, '1 h'],
  [7_800_000, '2 h 10 min'],
  [86_400_000, '1 d'],
  [273_600_000, '3 d 4 h'],
] as const) {
  test(`${ms} ms read ${text}`, () => assert.equal(formatDuration(ms), text));
}
