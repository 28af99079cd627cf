import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redactFields, redactText } from '../../src/bctrl/redact.js';

const redacted = (fields: object) => redactFields(fields, ['key-1']);
const redactedText = (text: string) => redactText(text, ['key-1']);

test('the API key is removed from texts and field names, at every depth', () => {
  assert.deepEqual(redacted({ a: ['Bearer key-1!'], 'x-key-1': { b: 'key-1key-1' } }), {
    a: ['Bearer [redacted]!'],
    'x-[redacted]': { b: '[redacted][redacted]' },
  });
});

test('every key is removed, also one that begins with another', () =>
  assert.equal(
    redactText('key-1, key-12, old', ['key-1', 'old', 'key-12']),
    '[redacted], [redacted], [redacted]',
  ));

test('query strings are removed, and the rest of the URL stays', () => {
  const text = 'see https://s.example/f/1?signature=abc&x=1, or "/v1/files?cursor=2"';
  assert.equal(redactedText(text), 'see https://s.example/f/1 or "/v1/files"');
});

test('a query without an equals sign is removed after a web address', () => {
  assert.equal(redactedText('(HTTPS://s.example/f?abc) and what?else'), '(HTTPS://s.example/f and what?else');
});

test('a text of question marks is redacted in linear time', () => {
  const startedMs = performance.now();
  redactedText('?'.repeat(1_000_000));
  assert.ok(performance.now() - startedMs < 1_000);
});

test('fields nested deeper than 20 levels are left out', () => {
  const text = JSON.stringify(redacted(JSON.parse(`${'{"a":['.repeat(25_000)}"deep"${']}'.repeat(25_000)}`)));
  assert.match(text, /^(\{"a":\[){10}"…"(\]\}){10}$/);
});

test('a question mark in a sentence stays', () =>
  assert.equal(redactedText('Is it stopped? Start it.'), 'Is it stopped? Start it.'));

test('fields that contain a signed URL or a credential are dropped', () => {
  assert.deepEqual(redacted({ downloadUrl: 'https://s', Authorization: 'Bearer x', id: 1 }), { id: 1 });
});

test('a text is one line of bounded length and well-formed', () => {
  const text = redactedText(`a\r\n\u001b[31mb${'😀'.repeat(500)}`);
  assert.match(text, /^a \[31mb😀/u);
  assert.ok(text.length < 150);
  assert.equal(text, text.toWellFormed());
});

test('numbers, booleans and null stay as they are', () => {
  assert.deepEqual(redacted({ a: [0, false, null, ''] }), { a: [0, false, null, ''] });
});
