import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPublicSurface } from './public-surface.js';

const { fields, unexported } = readPublicSurface();

/** So that a search that finds little does not pass for a surface without gaps. */
const MIN_FIELDS = 300;

test('every field of a public type is written out, with a comment', () => {
  assert.ok(fields.length >= MIN_FIELDS, `only ${fields.length} fields were found`);
  const undocumented = fields.filter(({ isDocumented }) => !isDocumented);
  assert.deepEqual(
    undocumented.map(({ name }) => name),
    [],
  );
});

test('every entry exports the types that it mentions', () => assert.deepEqual(unexported, []));
