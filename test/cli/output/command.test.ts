import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { toCommand } from '../../../src/cli/output/command.js';

test('an id that a shell takes as it is has no quotes', () => {
  const id = 'post-run@a%20b/3f2b8c1e-5a4d-4e6f-9b70-1c2d3e4f5a6b/rt_1.x:y=z+,';
  assert.equal(toCommand('rerun', id), `bctrl-temporal rerun ${id}`);
});

test('a shell reads every other id as one word', async () => {
  const ids = ['nightly run', "it's", '$HOME', '`id`', 'a;b', '*', '~', 'ü', '"', '\\', ''];
  const words = toCommand(...ids).slice('bctrl-temporal '.length);
  const { stdout } = await promisify(execFile)('sh', ['-c', `printf '%s\\n' ${words}`]);
  assert.deepEqual(stdout.split('\n').slice(0, -1), ids);
});
