import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { metrics, toScrapedName } from '../src/shared/metric-names.js';

const text = await readFile(new URL('../docs/operating.md', import.meta.url), 'utf8');

describe('docs/operating.md describes', () => {
  for (const metric of Object.values(metrics)) {
    const labels = metric.labels.map((label) => `\`${label}\``).join(', ') || '–';
    const row = `| \`${toScrapedName(metric)}\` | ${metric.kind} | ${labels} | ${metric.help} |`;
    test(row, () => assert.ok(text.includes(row)));
  }

  test('no metric that is not there', () => {
    const names = new Set<string>(Object.values(metrics).map(toScrapedName));
    const found = text.match(/\bbctrl_[a-z_]+/g) ?? [];
    assert.deepEqual(
      found.filter((name) => !names.has(name)),
      [],
    );
  });
});
