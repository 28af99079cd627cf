import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseTestArguments } from '../../scripts/test-arguments.js';

describe('parseTestArguments', () => {
  let root: string;
  let a: string;
  let b: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'test-arguments-'));
    a = join(root, 'a.test.ts');
    b = join(root, 'sub', 'b.test.ts');
    await mkdir(join(root, 'sub'));
    await mkdir(join(root, 'empty'));
    for (const file of [a, b, join(root, 'support.ts')]) await writeFile(file, '');
  });
  after(() => rm(root, { recursive: true }));

  it('finds all test files without arguments', () => {
    assert.deepEqual(parseTestArguments([], root), { files: [a, b], flags: [] });
  });

  it('takes files and folders', () => {
    assert.deepEqual(parseTestArguments([a], root).files, [a]);
    assert.deepEqual(parseTestArguments([join(root, 'sub')], root).files, [b]);
  });

  it('passes flags on, with their values', () => {
    const args = ['--test-name-pattern', 'retries', a, '--test-only', '--test-timeout=5'];
    assert.deepEqual(parseTestArguments(args, root), {
      files: [a],
      flags: ['--test-name-pattern', 'retries', '--test-only', '--test-timeout=5'],
    });
  });

  it('refuses a file that is not there', () => {
    assert.throws(() => parseTestArguments(['nope.test.ts'], root), /no test file or folder nope\.test\.ts/);
    assert.throws(() => parseTestArguments(['--test-timeout=5', 'nope.test.ts'], root), /nope\.test\.ts/);
  });

  it('refuses to run nothing', () => {
    assert.throws(() => parseTestArguments([join(root, 'empty')], root), /No \*\.test\.ts in .*empty/);
  });
});
