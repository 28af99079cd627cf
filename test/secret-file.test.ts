import assert from 'node:assert/strict';
import { mkdir, rename, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SecretFile } from '../src/secret-file.js';
import { createTestFolder } from './support/gateway.js';

const VARIABLE = 'BCTRL_API_KEY_FILE';

async function setUp(t: TestContext, content = 'key-1\n') {
  const path = join(await createTestFolder(t), 'key');
  await writeFile(path, content);
  const file = new SecretFile(VARIABLE, path);
  const told: string[] = [];
  t.mock.timers.enable({ apis: ['setInterval'] });
  const stop = file.watch({
    onReplaced: () => told.push(`replaced by ${file.value}`),
    onProblem: (problem) => told.push(problem),
  });
  return { path, file, told, stop, tick: () => t.mock.timers.tick(2_000) };
}

test('white space around a secret does not count', async (t) => {
  const { file } = await setUp(t, '\uFEFF key-1\r\n\n');
  assert.equal(file.value, 'key-1');
});

test('a file that is written again is noticed within 2 seconds, and told once', async (t) => {
  const { path, file, told, tick } = await setUp(t);
  await writeFile(path, 'key-2');
  assert.equal(file.value, 'key-1');
  tick();
  assert.equal(file.value, 'key-2');
  await writeFile(path, ' key-2\n');
  tick();
  assert.deepEqual(told, ['replaced by key-2']);
});

test('refresh reads the file at once', async (t) => {
  const { path, file, told } = await setUp(t);
  await writeFile(path, 'key-2');
  assert.equal(file.refresh(), 'key-2');
  assert.deepEqual(told, ['replaced by key-2']);
});

test('a link that leads to another folder is noticed, as Kubernetes replaces it', async (t) => {
  const folder = await createTestFolder(t);
  for (const name of ['1', '2']) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, 'key'), `key-${name}`);
  }
  await symlink('1', join(folder, '..data'));
  await symlink('..data/key', join(folder, 'key'));
  const file = new SecretFile(VARIABLE, join(folder, 'key'));
  await symlink('2', join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  assert.equal(file.refresh(), 'key-2');
});

for (const [what, spoil, problem] of [
  ['empty', (path: string) => writeFile(path, ' \n'), 'is empty'],
  ['gone', unlink, 'cannot be read (ENOENT)'],
  [
    'of several lines',
    (path: string) => writeFile(path, 'key-2\nkey-3'),
    'contains characters that a header cannot carry',
  ],
] as const) {
  test(`a file that is ${what} keeps the last secret, is told once, and is used again later`, async (t) => {
    const { path, file, told, tick } = await setUp(t);
    await spoil(path);
    tick();
    tick();
    assert.deepEqual([file.value, told], ['key-1', [`${VARIABLE}: the file that it names ${problem}`]]);
    await writeFile(path, 'key-2');
    tick();
    assert.deepEqual([file.value, told.at(-1)], ['key-2', 'replaced by key-2']);
  });
}

test('a watch that has ended reads nothing', async (t) => {
  const { path, file, stop, tick } = await setUp(t);
  stop();
  await writeFile(path, 'key-2');
  tick();
  assert.equal(file.value, 'key-1');
});
