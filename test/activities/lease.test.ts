import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Lease } from '../../src/activities/lease.js';

const TIMEOUT_MS = 300;
const DURATION_MS = 200;

test('a lease ends when it has not been renewed for two thirds of the heartbeat timeout', async () => {
  const lease = new Lease(TIMEOUT_MS);
  assert.equal(lease.isValid, true);
  await sleep(DURATION_MS + 20);
  assert.deepEqual([lease.isValid, lease.signal.aborted], [false, true]);
  await lease.renew();
  assert.equal(lease.isValid, false, 'it does not come back');
});

test('a lease that is renewed goes on', async () => {
  const lease = new Lease(TIMEOUT_MS);
  for (let renewals = 0; renewals < 5; renewals += 1) {
    await sleep(DURATION_MS / 3);
    await lease.renew();
  }
  assert.equal(lease.isValid, true);
});

test('a lease is not renewed as long as Temporal does not answer', async () => {
  const lease = new Lease(TIMEOUT_MS, () => Promise.reject(new Error('unavailable')));
  for (let renewals = 0; renewals < 5; renewals += 1) {
    await sleep(DURATION_MS / 3);
    await lease.renew();
  }
  assert.equal(lease.isValid, false);
});

test('a lease counts from when Temporal was asked, not from when it answered', async () => {
  const lease = new Lease(TIMEOUT_MS, async () => {
    const askedMs = performance.now();
    await sleep(DURATION_MS / 2);
    return askedMs;
  });
  await lease.renew();
  await sleep(DURATION_MS / 2 + 20);
  assert.equal(lease.isValid, false);
});

test('an activity without a heartbeat timeout has a lease without end', async () => {
  const lease = new Lease(undefined);
  await sleep(20);
  assert.equal(lease.isValid, true);
});
