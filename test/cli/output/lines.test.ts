import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { toSafeOutput } from '../../../src/cli/io.js';
import { createStyle, type Line, tableLines, writeLines } from '../../../src/cli/output/lines.js';

const style = createStyle({ write: () => undefined, hasColors: () => true });

function written(lines: readonly Line[], columns?: number): string[] {
  let text = '';
  const write = (more: string) => {
    text += more;
  };
  writeLines({ write, ...(columns !== undefined && { isTTY: true, columns }) }, lines);
  return text.split('\n').slice(0, -1);
}

const withoutColors = (text: string) => stripVTControlCharacters(text);
const words = 'upstream: POST /v1/runtimes/3f2b8c1e-5a4d-4e6f-9b70-1c2d3e4f5a6b/files/collect returned 503';

describe('a line that is too long for a terminal', () => {
  for (const columns of [40, 80, 120]) {
    test(`of ${columns} columns continues below, indented, complete and in its color`, () => {
      const lines = written([{ text: style('red', words) }], columns);
      for (const line of lines) assert.ok(stringWidth(line) <= columns, line);
      const [first = '', ...others] = lines.map(withoutColors);
      assert.ok(others.every((line) => /^ {11}\S/.test(line)));
      assert.equal(
        [first, ...others.map((line) => line.trim())].join('').replaceAll(' ', ''),
        words.replaceAll(' ', ''),
      );
      assert.ok(lines.every((line) => line.includes('\u001b[31m')));
    });
  }

  test('keeps its suffix whole on a line of its own', () => {
    const id = `post-run/${'x'.repeat(90)}`;
    const [row] = tableLines([['running', 'held', id]]);
    assert.deepEqual(written([row ?? { text: '' }], 80), ['running  held', `  ${id}`]);
    assert.deepEqual(written([row ?? { text: '' }]), [`running  held  ${id}`]);
  });
});

test('the last cells of a table are below their rows if one of them does not fit', () => {
  const rows = [
    ['running', 'held', 'short'],
    ['failed', '', `post-run/${'x'.repeat(70)}`],
  ];
  assert.deepEqual(written(tableLines(rows, 80), 80), [
    'running  held',
    '  short',
    'failed',
    `  post-run/${'x'.repeat(70)}`,
  ]);
});

test('no control sequence reaches a terminal but the colors of this package', () => {
  assert.deepEqual(written([{ text: `a\u001b]0;title\u0007\u001b[2J\nb${style('green', 'c')}` }]), [
    'a ]0;title  [2J b\u001b[32mc\u001b[39m',
  ]);
  const path = 'out/\u001b[8m\u001b[31mhidden\u001b[39m.txt';
  const shown = 'out/ [8m [31mhidden [39m.txt';
  for (const line of tableLines([[style('red', path), path, path]])) {
    assert.deepEqual(written([line]), [`\u001b[31m${shown}\u001b[39m  ${shown}  ${shown}`]);
  }
});

test('a command writes colors by lines only', () => {
  const writes: string[] = [];
  const output = toSafeOutput({ write: (text) => writes.push(text) });
  writeLines(output, [{ text: style('red', 'a') }]);
  output.write(`${style('red', 'b')} \u001b[31mc\n`);
  assert.equal(writes[0], '\u001b[31ma\u001b[39m\n');
  assert.ok(!writes[1]?.includes('\u001b'));
});
