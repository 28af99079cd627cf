import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { reasonClasses, resolveReasonClass } from '../../src/shared/reason-class.js';
import { retryTable } from '../../src/shared/retry-table.js';
import { readPage, sectionOf } from './markdown.js';

const page = await readPage('docs/errors.md');

/** `404, 520–530` as the numbers that it stands for. */
function parseStatuses(text: string): number[] {
  return text.split(', ').flatMap((part) => {
    const [first = Number.NaN, last = first] = part.split('–').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

describe('docs/errors.md', () => {
  for (const reasonClass of reasonClasses) {
    test(`says for ${reasonClass} whether it is retried, and how often`, () => {
      const [, happens = ''] =
        new RegExp(`^\\| \`${reasonClass}\` \\| .*? \\| (.*?) \\|`, 'm').exec(page) ?? [];
      const { retryable, maximumFailures } = retryTable[reasonClass];
      const expected = !retryable
        ? 'fails at once'
        : maximumFailures === null
          ? 'retried until `giveUpAfter`'
          : `retried, ${maximumFailures} failures`;
      assert.ok(happens.startsWith(expected), happens);
    });
  }

  test('derives the class of a status as the code does', () => {
    const section = sectionOf(page, '## How a failure is classified');
    const rows = [...section.matchAll(/^\| (\d.*?) \| `(\w+)` \|$/gm)];
    const listed = new Map(
      rows.flatMap(([, statuses = '', name]) => parseStatuses(statuses).map((status) => [status, name])),
    );
    for (let status = 400; status < 600; status += 1) {
      const other = status < 500 ? 'invalid_input' : 'server';
      assert.equal(listed.get(status) ?? other, resolveReasonClass(status, undefined), String(status));
    }
  });

  test('lists every field of a rule', () => {
    const section = sectionOf(page, '## Overrides');
    for (const field of Object.keys(retryTable.server)) assert.ok(section.includes(`\`${field}\``), field);
  });
});
