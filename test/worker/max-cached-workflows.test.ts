import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultMaxCachedWorkflows } from '../../src/worker/max-cached-workflows.js';

const MB = 1_000_000;

const cases: [what: string, heapMb: number, processMb: number, workflows: number][] = [
  ['no more than are useful', 4_000, 24_000, 1_000],
  ['what a small heap holds', 200, 24_000, 453],
  ['what a small container holds', 4_000, 500, 500],
  ['some in a tiny heap', 32, 24_000, 100],
  ['some in a tiny container', 4_000, 128, 100],
];

for (const [what, heapMb, processMb, workflows] of cases) {
  test(`the cache keeps ${what}`, () => {
    const limits = { heap: heapMb * MB, process: processMb * MB };
    assert.equal(defaultMaxCachedWorkflows(limits), workflows);
  });
}

test('this process has limits', () => {
  const workflows = defaultMaxCachedWorkflows();
  assert.ok(workflows >= 100 && workflows <= 1_000, String(workflows));
});
