import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ClientMetrics } from '../src/client-metrics.js';
import { TestMeter } from './support/meter.js';

function setUp(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const [metrics, meter] = [new ClientMetrics(), new TestMeter()];
  return { metrics, meter, flush: () => t.mock.timers.tick(100) };
}

test('counts from before the meter was set are reported', (t) => {
  const { metrics, meter, flush } = setUp(t);
  metrics.onRequest('whoami');
  metrics.onResponse('whoami', 200);
  flush();
  metrics.setMeter(meter);
  flush();
  assert.equal(meter.sum('bctrl_requests', { operation: 'whoami', status: '200' }), 1);
});

test('requests are counted by operation and status, and while they are in flight', (t) => {
  const { metrics, meter, flush } = setUp(t);
  metrics.setMeter(meter);
  for (let i = 0; i < 3; i += 1) metrics.onRequest('collect');
  flush();
  assert.equal(meter.sum('bctrl_requests_in_flight', { operation: 'collect' }), 3);
  metrics.onResponse('collect', 200);
  metrics.onResponse('collect', undefined);
  flush();
  assert.equal(meter.sum('bctrl_requests_in_flight', { operation: 'collect' }), 1);
  assert.equal(meter.sum('bctrl_requests', { operation: 'collect', status: '200' }), 1);
  assert.equal(meter.sum('bctrl_requests', { operation: 'collect', status: 'none' }), 1);
});

test('rate-limit pauses add up to whole seconds without losing a remainder', (t) => {
  const { metrics, meter, flush } = setUp(t);
  metrics.setMeter(meter);
  for (const [ms, seconds] of [
    [999.7, 1],
    [400, 1],
    [400, 2],
    [0, 2],
    [10_200, 12],
  ] as const) {
    metrics.onRateLimitPause(ms);
    flush();
    assert.equal(meter.sum('bctrl_rate_limit_pause_seconds'), seconds);
  }
});

test('nothing is reported while nothing happens', (t) => {
  const { metrics, meter, flush } = setUp(t);
  metrics.setMeter(meter);
  flush();
  const add = t.mock.method(meter, 'createCounter');
  flush();
  assert.equal(add.mock.callCount(), 0);
});
