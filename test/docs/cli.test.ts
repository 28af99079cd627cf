import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exitCodes } from '../../src/exit.js';
import { commands } from '../support/cli-program.js';
import { readPage, sectionOf } from './markdown.js';

const page = await readPage('docs/cli.md');
const allOptions = new Set(commands.flatMap(({ options }) => options.map(({ long }) => long)));

describe('docs/cli.md', () => {
  test('lists every command, with options that the command has', () => {
    const rows = [...sectionOf(page, '## Commands').matchAll(/^\| `([a-z-]+).*?` \| (.*) \|$/gm)];
    assert.deepEqual(rows.map(([, name]) => name).sort(), commands.map((command) => command.name()).sort());
    for (const [, name = '', text = ''] of rows) {
      const options = commands.find((command) => command.name() === name)?.options.map(({ long }) => long);
      for (const [option] of text.matchAll(/--[a-z-]+/g))
        assert.ok(options?.includes(option), `${name} ${option}`);
    }
  });

  test('names no option that does not exist', () => {
    const named = page.match(/(?<=`[^`\n]*)--[a-z-]+/g) ?? [];
    assert.deepEqual(
      named.filter((option) => option !== '--help' && !allOptions.has(option)),
      [],
    );
  });

  test('lists every exit code', () => {
    const rows = [...sectionOf(page, '## Exit codes').matchAll(/^\| (\d+) \|/gm)];
    assert.deepEqual(
      rows.map(([, code]) => Number(code)),
      Object.values(exitCodes),
    );
  });
});

test('the README names commands and options that exist', async () => {
  const section = sectionOf(await readPage('README.md'), '## From the CLI');
  for (const [, name = '', rest = ''] of section.matchAll(/`bctrl-temporal ([a-z-]+)([^`]*)`/g)) {
    const command = commands.find((each) => each.name() === name);
    assert.ok(command, name);
    const options = command.options.map(({ long }) => long);
    for (const [option] of rest.matchAll(/--[a-z-]+/g))
      assert.ok(options.includes(option), `${name} ${option}`);
  }
});
