import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseWorkerVersion, toWorkerIdentity } from '../../src/shared/worker-identity.js';
import { version } from '../../src/version.js';

test('the identity of a worker contains its version', () => {
  const identity = toWorkerIdentity({ pid: 7, hostname: 'files-1.example', version: '1.2.3-rc.1' });
  assert.equal(identity, '7@files-1.example bctrl-temporal/1.2.3-rc.1');
  assert.equal(parseWorkerVersion(identity), '1.2.3-rc.1');
});

test('the version is that of the package', () => assert.match(version, /^\d+\.\d+\.\d+/));

for (const identity of [
  '',
  '7@files-1',
  '7@files-1 other/1.2.3',
  '7@files-1 bctrl-temporal/',
  'bctrl-temporal/1',
]) {
  test(`${JSON.stringify(identity)} has no version`, () =>
    assert.equal(parseWorkerVersion(identity), undefined));
}
