import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import type { Info } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger, type LogEntry } from '@temporalio/worker';
import type { FaultRule } from '../../src/testing.js';
import { createTestActivities } from '../support/activities.js';
import { API_KEY, startTestGateway } from '../support/gateway.js';
import { TestMeter } from '../support/meter.js';

async function collect(t: TestContext, faults: FaultRule[], input: object, info: Partial<Info> = {}) {
  const gateway = await startTestGateway(t, { faults });
  await gateway.addFile('a.txt', 'hello');
  await gateway.addFile('b.txt', 'hi');
  const { collectRuntimeFiles } = createTestActivities(t, gateway.url);
  const [meter, entries] = [new TestMeter(), [] as LogEntry[]];
  const logger = new DefaultLogger('INFO', (entry) => void entries.push(entry));
  const env = new MockActivityEnvironment(info, { metricMeter: meter, logger });
  const { runtimeId } = gateway;
  await env.run(collectRuntimeFiles, { runtimeId, files: [], ...input } as never).catch(() => undefined);
  return { gateway, meter, lines: entries.filter(({ message }) => message.startsWith('collect')) };
}

// The SDK adds these tags to the metrics of an activity.
const tags = { namespace: 'test', taskQueue: 'test', activityType: 'unknown' };
const end = (outcome: string, reasonClass: string) => ({ ...tags, outcome, reason_class: reasonClass });
const files = (...paths: string[]) => ({ files: paths.map((runtimePath) => ({ runtimePath })) });

describe('the metrics of an attempt', () => {
  test('the metrics of an attempt count collected files, their bytes and durations, without a log line', async (t) => {
    const { meter, lines } = await collect(t, [], files('a.txt', 'b.txt'));
    assert.equal(meter.sum('bctrl_collects', end('collected', 'none')), 2);
    assert.equal(meter.sum('bctrl_collected_bytes', tags), 7);
    assert.deepEqual(
      meter.recorded.map(({ name, tags }) => [name, tags]),
      Array(2).fill(['bctrl_collect_duration', end('collected', 'none')]),
    );
    const times = meter.recorded.map(({ value }) => value);
    assert.ok(
      times.every((seconds) => seconds > 0 && seconds < 5),
      `${times}`,
    );
    assert.deepEqual(lines, []);
  });

  test('the metrics of an attempt count retried and failed files, with a log line for each', async (t) => {
    const fault: FaultRule = {
      operation: 'collect',
      runtimePath: 'a.txt',
      fault: { kind: 'respond', status: 503 },
    };
    const { meter, lines } = await collect(t, [fault], files('a.txt', 'missing.txt'), {
      attempt: 1,
      scheduleToCloseTimeoutMs: 0,
    });
    assert.equal(meter.sum('bctrl_collects', end('retried', 'upstream')), 1);
    assert.equal(meter.sum('bctrl_collects', end('failed', 'not_found')), 1);
    assert.equal(meter.recorded.length, 2);
    const logged = lines.map(({ level, message, meta = {} }) => {
      const { workflowId, runtimePath, reasonClass, code, status, attempt, nextDelayMs } = meta;
      assert.match(meta['requestId'], /^req_/);
      return [level, message, workflowId, runtimePath, reasonClass, code, status, attempt, nextDelayMs];
    });
    assert.deepEqual(logged.toSorted(), [
      ['INFO', 'collect retried', 'test', 'a.txt', 'upstream', 'storage.unavailable', 503, 1, 1_000],
      ['WARN', 'collect failed', 'test', 'missing.txt', 'not_found', 'file.not_found', 404, 1, undefined],
    ]);
    assert.doesNotMatch(inspect(lines), new RegExp(API_KEY));
  });

  test('the metrics of an attempt count a file that a lookup finds, and the lookup', async (t) => {
    const lost: FaultRule = { operation: 'collect', times: 1, fault: { kind: 'drop-response' } };
    const gateway = await startTestGateway(t, { faults: [lost] });
    await gateway.addFile('a.txt', 'hello');
    const { collectRuntimeFile } = createTestActivities(t, gateway.url);
    const input = { runtimeId: gateway.runtimeId, runtimePath: 'a.txt' };
    const logger = new DefaultLogger('ERROR');
    const [first, second] = [new TestMeter(), new TestMeter()];
    const run = (metricMeter: TestMeter, attempt: number) =>
      new MockActivityEnvironment({ attempt }, { metricMeter, logger }).run(collectRuntimeFile, input);
    await assert.rejects(run(first, 1));
    assert.equal(first.sum('bctrl_collects', end('retried', 'upstream')), 1);
    assert.equal(first.sum('bctrl_lookups', tags), undefined);
    await run(second, 2);
    assert.equal(second.sum('bctrl_collects', end('found', 'none')), 1);
    assert.equal(second.sum('bctrl_collected_bytes', tags), 5);
    assert.equal(second.sum('bctrl_lookups', tags), 1);
    assert.deepEqual(second.recorded, [], 'a lookup is not a collect');
  });

  test('the metrics of an attempt count a kept foreign file, but not its bytes', async (t) => {
    const gateway = await startTestGateway(t);
    await gateway.addFile('a.txt', 'hello');
    const destinationPath = '/a.txt';
    await gateway.collect({ runtimePath: 'a.txt', destinationPath });
    const meter = new TestMeter();
    const { collectRuntimeFile } = createTestActivities(t, gateway.url);
    const { runtimeId } = gateway;
    const input = { runtimeId, runtimePath: 'a.txt', destinationPath, ifExists: 'keep' } as const;
    await new MockActivityEnvironment({}, { metricMeter: meter }).run(collectRuntimeFile, input);
    assert.equal(meter.sum('bctrl_collects', end('kept', 'none')), 1);
    assert.equal(meter.sum('bctrl_collected_bytes', tags), 0);
    assert.equal(meter.sum('bctrl_lookups', tags), 1);
  });
});

test('outcomes of earlier attempts are not counted again', async (t) => {
  const outcome = { outcome: 'collected', fileId: 'x', path: '/a.txt', sizeBytes: 5 };
  const states = [{ failures: {}, outcome }, { failures: {} }];
  const checkpoint = { files: states, consecutiveTrips: 0, lookupFailures: {}, lookupFromMs: 0 };
  const { meter } = await collect(t, [], files('a.txt', 'b.txt'), {
    attempt: 2,
    heartbeatDetails: { attempt: 1, checkpoint },
  });
  assert.equal(meter.sum('bctrl_collects', end('collected', 'none')), 1);
  assert.equal(meter.sum('bctrl_collected_bytes', tags), 2);
});

test('a meter that throws does not decide what becomes of a file', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a.txt');
  const { collectRuntimeFile } = createTestActivities(t, gateway.url);
  const fail = () => {
    throw new Error('no meter');
  };
  const metricMeter = Object.assign(new TestMeter(), { createCounter: fail, createHistogram: fail });
  const env = new MockActivityEnvironment({}, { metricMeter });
  const input = { runtimeId: gateway.runtimeId, runtimePath: 'a.txt', checkExistingFirst: true };
  assert.ok(await env.run(collectRuntimeFile, input));
});

test('a failed lookup has one log line, however many files wait for it', async (t) => {
  const faults: FaultRule[] = [{ operation: 'list-files', fault: { kind: 'respond', status: 503 } }];
  const gateway = await startTestGateway(t, { faults });
  const { collectRuntimeFiles } = createTestActivities(t, gateway.url);
  const entries: LogEntry[] = [];
  const logger = new DefaultLogger('INFO', (entry) => void entries.push(entry));
  const env = new MockActivityEnvironment({ scheduleToCloseTimeoutMs: 60_000 }, { logger });
  const input = { runtimeId: gateway.runtimeId, checkExistingFirst: true, ...files('a.txt', 'b.txt') };
  await assert.rejects(env.run(collectRuntimeFiles, input));
  const lines = entries.filter(({ message }) => /^(lookup|collect) /.test(message));
  assert.deepEqual(
    lines.map(({ message, meta }) => [message, meta?.['reasonClass'], meta?.['nextDelayMs']]),
    [['lookup retried', 'upstream', 1_000]],
  );
});
