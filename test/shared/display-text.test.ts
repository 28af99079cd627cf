import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isPlainMarkdown,
  stripControlCharacters,
  toCodeSpan,
  toTerminalJson,
  toTerminalText,
} from '../../src/shared/display-text.js';
import { assertSafeForTerminal, STEERING_TEXTS } from '../support/terminal-safety.js';

test('a text that would steer a terminal, turn its direction or hide in it is only shown', () => {
  for (const text of STEERING_TEXTS) {
    const whole = `a${text}b`;
    assertSafeForTerminal(stripControlCharacters(whole));
    assertSafeForTerminal(toTerminalText(whole));
    assert.match(toTerminalText(whole), /^a.*b$/su);
    const json = toTerminalJson(JSON.stringify({ [whole]: whole }, null, 2));
    assertSafeForTerminal(json);
    assert.deepEqual(JSON.parse(json), { [whole]: whole });
  }
});

for (const [text, shown] of [
  ['a\u202egpj.exe', 'a gpj.exe'],
  ['a\u001b]8;;https://evil.example\u0007b\u001b]8;;\u0007', 'a ]8;;https://evil.example b ]8;; '],
  ['a\u001b[2J\rb', 'a [2J b'],
  ['two\nlines', 'two\nlines'],
  ['\u001b[31mred\u001b[39m \u001b[8mhidden', ' [31mred [39m  [8mhidden'],
  ['a\ud800', 'a\ufffd'],
  ['naïve/日本語/👍🏽.csv', 'naïve/日本語/👍🏽.csv'],
] as const) {
  test(`a terminal shows ${JSON.stringify(text)} as ${JSON.stringify(shown)}`, () =>
    assert.equal(toTerminalText(text), shown));
}

test('JSON has escapes for what a terminal must not get', () =>
  assert.equal(toTerminalJson('{"a":"\u202eb\u{e0041}\u009b"}'), '{"a":"\\u202eb\\udb40\\udc41\\u009b"}'));

for (const [text, markdown] of [
  ['a.txt', '`a.txt`'],
  ['a`b', '`` a`b ``'],
  ['``` \n# a', '```` ```  # a ````'],
  ['', ''],
] as const) {
  test(`${JSON.stringify(text)} is ${markdown || 'nothing'} in Markdown`, () =>
    assert.equal(toCodeSpan(text), markdown));
}

test('a path or an id of ordinary characters reads the same as Markdown, and nothing else does', () => {
  for (const text of ['a.txt', '/files/logs/agent_1.log', '3f2b8c1e-5a4d', 'rt_1', 'x', './a']) {
    assert.equal(isPlainMarkdown(text), true, text);
  }
  const others = [
    '',
    '_a_',
    '/_a_/',
    '1.',
    '-',
    '- a',
    '# a',
    'www.evil.example',
    'https://evil.example',
    'a@b.c',
  ];
  for (const text of [...others, '<b>', '![a](b)', 'a b', 'a`b', 'a|b', 'a\nb', '*a*', 'a\\']) {
    assert.equal(isPlainMarkdown(text), false, text);
  }
});
