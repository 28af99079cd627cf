import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { reasonClasses } from '../../src/shared/reason-class.js';
import { type RetryRule, retryTable } from '../../src/shared/retry-table.js';
import { codeBlocksOf, listPages, readPage, sectionOf } from './markdown.js';

/** A reader sees all of it in a few minutes; the rest is in docs/. */
const MAX_BYTES = 13_000;

const readme = await readPage('README.md');

function toRow(rule: RetryRule): string {
  if (!rule.retryable) return 'no | | |';
  const codes = rule.nonRetryableCodes.map((code) => `\`${code}\``).join(', ');
  const delay = `${rule.initialInterval} ×${rule.backoffCoefficient}, ${rule.maximumInterval}`;
  const end = rule.maximumFailures === null ? 'never by count' : `${rule.maximumFailures} failures`;
  return `yes${codes === '' ? '' : `, but not ${codes}`} | ${delay} | ${end} |`;
}

describe('the README', () => {
  test(`has at most ${MAX_BYTES} bytes`, () => {
    assert.ok(Buffer.byteLength(readme) <= MAX_BYTES, `it has ${Buffer.byteLength(readme)}`);
  });

  for (const reasonClass of reasonClasses) {
    const row = `| \`${reasonClass}\` | ${toRow(retryTable[reasonClass])}`;
    test(`says ${row}`, () => assert.ok(readme.includes(row)));
  }

  test('lists the variables that the configuration reads, and no others', async () => {
    const read = new Set((await readPage('src/config.ts')).match(/\bBCTRL_[A-Z_]+\b/g));
    const listed = new Set(sectionOf(readme, '## Configuration').match(/\bBCTRL_[A-Z_]+\b/g));
    assert.deepEqual(listed, read);
  });

  test('shows a pipeline that is a tested example of docs/pipeline.md', async () => {
    const examples = await readPage('docs/pipeline.md');
    for (const language of ['json', 'text']) {
      const [block = '', ...others] = codeBlocksOf(readme, language);
      assert.deepEqual(others, []);
      assert.ok(codeBlocksOf(examples, language).includes(block), block);
    }
    const [command = ''] = codeBlocksOf(sectionOf(readme, '## One pipeline'), 'sh');
    assert.ok(codeBlocksOf(examples, 'sh').includes(command), command);
  });

  test('links to every page of docs', async () => {
    const index = sectionOf(readme, '## Documentation');
    const missing = (await listPages()).filter(
      (page) => page !== 'README.md' && !index.includes(`(${page})`),
    );
    assert.deepEqual(missing, []);
  });
});
