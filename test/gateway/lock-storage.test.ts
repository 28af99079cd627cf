import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { lockStorage } from '../../src/gateway/lock-storage.js';
import { createTestFolder } from '../support/gateway.js';

const IN_USE = /^StorageInUse: another gateway uses the storage \//;

/** Leaves the locks of a killed process. */
const LEAVE_STALE = `
  const { createServer } = require('node:net');
  const names = ['lock-00000000', 'lock-88888888', 'lock-ffffffff'];
  let listening = 0;
  for (const name of names) {
    createServer().listen(process.argv[1] + '/' + name, () => {
      if (++listening === names.length) process.kill(process.pid, 'SIGKILL');
    });
  }`;

test('of gateways that start at once on stale locks, exactly one gets the lock', async (t) => {
  for (let round = 0; round < 60; round += 1) {
    const folder = await createTestFolder(t);
    await promisify(execFile)(process.execPath, ['-e', LEAVE_STALE, folder]).catch(() => undefined);
    assert.equal((await readdir(folder)).length, 3);
    const contenders = Array.from({ length: 3 + (round % 4) }, async (_, index) => {
      await sleep(index % 2 ? Math.random() * 4 : 0);
      return await lockStorage(folder);
    });
    const results = await Promise.allSettled(contenders);
    const refused = results.filter(({ status }) => status === 'rejected');
    assert.equal(refused.length, contenders.length - 1, `round ${round}`);
    for (const { reason } of refused) assert.match(String(reason), IN_USE);
    await assert.rejects(lockStorage(folder), IN_USE);
    for (const result of results) if (result.status === 'fulfilled') await result.value();
    assert.deepEqual(await readdir(folder), []);
  }
});
