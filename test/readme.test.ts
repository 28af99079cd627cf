import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { createProgram } from '../src/cli/program.js';
import { reasonClasses } from '../src/shared/reason-class.js';
import { type RetryRule, retryTable } from '../src/shared/retry-table.js';

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');

function toRow(rule: RetryRule): string {
  if (!rule.retryable) return 'no | | |';
  const codes = rule.nonRetryableCodes.map((code) => `\`${code}\``).join(', ');
  const delay = `${rule.initialInterval} ×${rule.backoffCoefficient}, ${rule.maximumInterval}`;
  const end = rule.maximumFailures === null ? 'never by count' : `${rule.maximumFailures} failures`;
  return `yes${codes === '' ? '' : `, but not ${codes}`} | ${delay} | ${end} |`;
}

describe('the README says', () => {
  for (const reasonClass of reasonClasses) {
    const row = `| \`${reasonClass}\` | ${toRow(retryTable[reasonClass])}`;
    test(row, () => assert.ok(readme.includes(row)));
  }

  test('which commands there are, and their options', () => {
    const section = readme.slice(readme.indexOf('### The starter'), readme.indexOf('### In the Temporal UI'));
    const silent = { write: () => undefined };
    const io = {
      stdin: Readable.from([]),
      stdout: silent,
      stderr: silent,
      interrupted: new AbortController().signal,
    };
    const { commands } = createProgram(io, () => undefined);
    const rows = [...section.matchAll(/^\| (`[a-z].*?) \| (.*) \|$/gm)];
    const named = rows.flatMap(([, names = '']) =>
      [...names.matchAll(/`([a-z-]+)/g)].map(([, name]) => name),
    );
    assert.deepEqual(named.sort(), commands.map((command) => command.name()).sort());
    for (const [, names = '', text = ''] of rows) {
      const command = commands.find((each) => names.startsWith(`\`${each.name()}`));
      const options = command?.options.map(({ long }) => long);
      for (const [option] of text.matchAll(/--[a-z-]+/g))
        assert.ok(options?.includes(option), `${names}: ${option}`);
    }
  });

  test('what the configuration reads, and nothing else', async () => {
    const source = await readFile(new URL('../src/config.ts', import.meta.url), 'utf8');
    const read = new Set(source.match(/\bBCTRL_[A-Z_]+\b/g));
    const section = readme.slice(readme.indexOf('## Configuration'), readme.indexOf('## Limits'));
    assert.deepEqual(new Set(section.match(/\bBCTRL_[A-Z_]+\b/g)), read);
  });
});
