import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redact } from '../../src/bctrl/redact.js';

const redacted = (value: unknown) => redact(value, 'key-1');

test('the API key is removed from texts and field names, at every depth', () => {
  assert.deepEqual(redacted({ a: ['Bearer key-1!'], 'x-key-1': { b: 'key-1key-1' } }), {
    a: ['Bearer [redacted]!'],
    'x-[redacted]': { b: '[redacted][redacted]' },
  });
});

test('query strings are removed, and the rest of the URL stays', () => {
  const text = 'see https://s.example/f/1?signature=abc&x=1, or "/v1/files?cursor=2"';
  assert.equal(redacted(text), 'see https://s.example/f/1 or "/v1/files"');
});

test('a query without an equals sign is removed after a web address', () => {
  assert.equal(redacted('(HTTPS://s.example/f?abc) and what?else'), '(HTTPS://s.example/f and what?else');
});

test('a text of question marks is redacted in linear time', () => {
  const startedMs = performance.now();
  redacted('?'.repeat(1_000_000));
  assert.ok(performance.now() - startedMs < 1_000);
});

test('fields nested deeper than 20 levels are left out', () => {
  const text = JSON.stringify(redacted(JSON.parse(`${'['.repeat(50_000)}"deep"${']'.repeat(50_000)}`)));
  assert.match(text, /^\[{20}"…"\]{20}$/);
});

test('a question mark in a sentence stays', () =>
  assert.equal(redacted('Is it stopped? Start it.'), 'Is it stopped? Start it.'));

test('fields that contain a signed URL or a credential are dropped', () => {
  assert.deepEqual(redacted({ downloadUrl: 'https://s', Authorization: 'Bearer x', id: 1 }), { id: 1 });
});

test('a text is one line of bounded length and well-formed', () => {
  const text = redacted(`a\r\n\u001b[31mb${'😀'.repeat(500)}`);
  assert.match(text as string, /^a \[31mb😀/u);
  assert.ok((text as string).length < 150);
  assert.equal(text, (text as string).toWellFormed());
});

test('numbers, booleans and null stay as they are', () => {
  assert.deepEqual(redacted([0, false, null, '']), [0, false, null, '']);
});
