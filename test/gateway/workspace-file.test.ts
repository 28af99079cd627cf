import assert from 'node:assert/strict';
import { appendFileSync, closeSync, openSync, truncateSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createStorage } from '../../src/gateway/storage.js';
import { copyOpenFile } from '../../src/gateway/workspace-file.js';
import { createTestFolder } from '../support/gateway.js';

/** Places a file in a storage, and changes it when its copy has begun. Returns the recorded and the real size. */
async function copyWhile(t: TestContext, size: number, change: (file: string) => void): Promise<number[]> {
  const folder = await createTestFolder(t);
  const file = join(folder, 'growing.log');
  await writeFile(file, Buffer.alloc(size));
  const storage = await createStorage(folder);
  const fd = openSync(file, 'r');
  try {
    const recorded = await storage.place('/copy', '1', async (target) => {
      const copied = copyOpenFile(fd, target);
      change(file);
      await copied;
    });
    return [recorded, (await readFile(storage.toPath('/copy'))).length];
  } finally {
    closeSync(fd);
  }
}

const MIB = 1024 * 1024;

for (const size of [0, 1, MIB, MIB + 1, 5 * MIB]) {
  test(`a file of ${size} bytes that grows is copied up to the size that it had`, async (t) => {
    const sizes = await copyWhile(t, size, (file) => appendFileSync(file, Buffer.alloc(2 * MIB)));
    assert.deepEqual(sizes, [size, size]);
  });
}

test('a file that is truncated is copied to its end, and recorded with the size of the copy', async (t) => {
  const [recorded, real = 0] = await copyWhile(t, 5 * MIB, (file) => truncateSync(file, 7));
  assert.equal(recorded, real);
  assert.ok(real < 5 * MIB, String(real));
});
