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
    const late = await Promise.allSettled([lockStorage(folder)]);
    const releases = [...results, ...late].flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
    // First, as a lock that is left would keep this process from its end.
    for (const release of releases) await release();
    assert.equal(releases.length, 1, `round ${round}`);
    for (const each of results) if (each.status === 'rejected') assert.match(String(each.reason), IN_USE);
    assert.ok(late.every(({ status }) => status === 'rejected'));
    assert.deepEqual(await readdir(folder), []);
  }
});
