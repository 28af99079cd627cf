import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkNode } from '../../../src/cli/commands/doctor-checks.js';

for (const [version, isSupported] of [
  ['20.19.0', true],
  ['20.18.9', false],
  ['18.20.0', false],
  ['22.0.0', true],
  ['24.21.0', true],
] as const) {
  test(`Node.js ${version} is ${isSupported ? 'new enough' : 'too old'}`, () => {
    if (isSupported) assert.equal(checkNode(version).message, version);
    else assert.throws(() => checkNode(version), /is too old: install Node\.js 20\.19 or newer$/);
  });
}
