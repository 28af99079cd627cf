import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toCollectionKey } from '../../src/activities/collection-keys.js';
import { fileKey } from '../../src/shared/keys.js';

for (const file of [
  { runtimePath: 'a.txt' },
  { runtimePath: 'ü/☃.txt', destinationPath: '/b.txt' },
  { runtimePath: 'x'.repeat(4_096), destinationPath: undefined },
]) {
  test(`the key of ${file.runtimePath.slice(0, 20)} ends in the fileKey that the workflow computes`, () => {
    assert.equal(toCollectionKey('wf/run', file), `wf/run/${fileKey(file)}`);
  });
}
