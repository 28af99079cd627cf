import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { metrics, toScrapedName } from '../../src/shared/metric-names.js';
import { readPage } from './markdown.js';

const page = await readPage('docs/operating.md');

describe('docs/operating.md', () => {
  for (const metric of Object.values(metrics)) {
    const labels = metric.labels.map((label) => `\`${label}\``).join(', ') || '–';
    const row = `| \`${toScrapedName(metric)}\` | ${metric.kind} | ${labels} | ${metric.help} |`;
    test(`says ${row}`, () => assert.ok(page.includes(row)));
  }

  test('names no metric that does not exist', () => {
    const names = new Set<string>(Object.values(metrics).map(toScrapedName));
    const found = page.match(/\bbctrl_[a-z_]+/g) ?? [];
    assert.deepEqual(
      found.filter((name) => !names.has(name)),
      [],
    );
  });
});
