import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { LogTimestamp } from '@temporalio/worker';
import type { LogConfig } from '../../src/config.js';
import { createLogger } from '../../src/worker/create-logger.js';

async function setUp(config: Partial<LogConfig> = {}) {
  const written: string[] = [];
  const logger = await createLogger(
    { format: 'json', level: 'info', ...config },
    { write: (text) => written.push(text) },
  );
  return { logger, written, line: () => JSON.parse(written.at(-1) ?? '{}') };
}

const refused = (type: string, details: object) =>
  ApplicationFailure.create({ message: 'results.csv: it is not there', type, details: [details] });

describe('in JSON', () => {
  test('a line is one object with level, time and message', async () => {
    const { logger, written, line } = await setUp();
    logger.info('two\nlines', { workflowId: 'w', [LogTimestamp]: 1_700_000_000_123_456_789n });
    assert.equal(written.length, 1);
    assert.match(written[0] ?? '', /^[^\n]+\n$/);
    const time = '2023-11-14T22:13:20.123Z';
    assert.deepEqual(line(), { level: 'info', time, workflowId: 'w', msg: 'two\nlines' });
  });

  test('a line that comes from elsewhere has the time of now', async () => {
    const { logger, line } = await setUp();
    logger.log('WARN', 'x');
    assert.ok(Math.abs(Date.now() - Date.parse(line().time)) < 1_000);
    assert.equal(line().level, 'warn');
  });

  test('the token of an activity is left out', async () => {
    const { logger, written } = await setUp();
    logger.warn('x', { taskToken: 'secret' });
    assert.doesNotMatch(written.join(), /secret/);
  });
});

for (const [level, shown] of [
  ['debug', ['DEBUG', 'INFO', 'WARN', 'ERROR']],
  ['info', ['INFO', 'WARN', 'ERROR']],
  ['warn', ['WARN', 'ERROR']],
  ['error', ['ERROR']],
] as const) {
  test(`at level ${level} it says ${shown.join(', ')}`, async () => {
    const { logger, written } = await setUp({ level });
    for (const each of ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'] as const) logger.log(each, each);
    assert.deepEqual(
      written.map((text) => JSON.parse(text).msg),
      shown,
    );
  });
}

describe('a failed activity', () => {
  const details = { reasonClass: 'not_found', code: 'file.not_found', status: 404, requestId: 'req_1' };

  for (const activityType of ['collectRuntimeFile', 'collectRuntimeFiles']) {
    test(`${activityType}: its files have told it, each in a line of its own`, async () => {
      const { logger, written } = await setUp();
      logger.warn('Activity failed', { activityType, error: refused('not_found', details) });
      assert.deepEqual(written, []);
    });
  }

  test('any other takes one line, without a stack trace', async () => {
    const { logger, line } = await setUp();
    const error = refused('not_found', { ...details, hint: 'x' });
    logger.warn('Activity failed', { activityType: 'stopRuntime', error });
    const { time: _, ...rest } = line();
    assert.deepEqual(rest, {
      level: 'warn',
      activityType: 'stopRuntime',
      failureType: 'not_found',
      problem: 'results.csv: it is not there',
      ...details,
      msg: 'Activity failed',
    });
  });

  for (const [what, error] of [
    ['an input that was refused', refused('invalid_input', { reasonClass: 'invalid_input' })],
    ['a failure of somebody else', refused('Mine', {})],
    ['a fault', new TypeError('x is not a function')],
  ] as const) {
    test(`${what} is told whatever the activity`, async () => {
      const { logger, line } = await setUp();
      logger.warn('Activity failed', { activityType: 'collectRuntimeFile', error });
      assert.equal(line().level, 'warn');
      assert.match(line().problem, /it is not there|x is not a function/);
      assert.equal(line().stack, error instanceof TypeError ? error.stack : undefined);
    });
  }
});

test('pretty is a line for a person, with the fields that say what it is about', async () => {
  const { logger, written } = await setUp({ format: 'pretty' });
  logger.warn('collect failed', { workflowId: 'w', runtimePath: 'a.txt', namespace: 'default' });
  assert.equal(written.length, 1);
  assert.match(
    written[0] ?? '',
    /^\[?\d\d:\d\d:\d\d\.\d{3}\]? WARN: collect failed \{"workflowId":"w","runtimePath":"a.txt"\}\n$/,
  );
});

test('a workflow that fails takes one line, without a stack trace', async () => {
  const { logger, line } = await setUp();
  logger.warn('Workflow failed', {
    workflowId: 'w',
    error: new Error('1 of 2 files could not be collected'),
  });
  const { time: _, ...rest } = line();
  const problem = '1 of 2 files could not be collected';
  assert.deepEqual(rest, { level: 'warn', workflowId: 'w', problem, msg: 'Workflow failed' });
});
