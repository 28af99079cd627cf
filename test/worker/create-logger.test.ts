import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { LogTimestamp } from '@temporalio/worker';
import type { LogConfig } from '../../src/config.js';
import { createLogger } from '../../src/worker/create-logger.js';
import { assertSafeForTerminal, STEERING_NAME } from '../support/terminal-safety.js';

async function setUp(config: Partial<LogConfig> = {}) {
  const written: string[] = [];
  const logger = createLogger(
    { format: 'json', level: 'info', ...config },
    { write: (text) => written.push(text) },
  );
  return { logger, written, line: () => JSON.parse(written.at(-1) ?? '{}') };
}

const apiFailure = (type: string, details: object) =>
  ApplicationFailure.create({ message: 'results.csv: it is not there', type, details: [details] });

describe('the JSON log', () => {
  test('writes an entry as one object with level, time and message', async () => {
    const { logger, written, line } = await setUp();
    logger.info('two\nlines', { workflowId: 'w', [LogTimestamp]: 1_700_000_000_123_456_789n });
    assert.equal(written.length, 1);
    assert.match(written[0] ?? '', /^[^\n]+\n$/);
    const time = '2023-11-14T22:13:20.123Z';
    assert.deepEqual(line(), { level: 'info', time, workflowId: 'w', msg: 'two\nlines' });
  });

  test('gives an entry without a timestamp the current time', async () => {
    const { logger, line } = await setUp();
    logger.log('WARN', 'x');
    assert.ok(Math.abs(Date.now() - Date.parse(line().time)) < 1_000);
    assert.equal(line().level, 'warn');
  });

  test('leaves out the task token of an activity', async () => {
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
  test(`the level ${level} shows ${shown.join(', ')}`, async () => {
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
    test(`of ${activityType} is not logged again: each file has a line of its own`, async () => {
      const { logger, written } = await setUp();
      logger.warn('Activity failed', { activityType, error: apiFailure('not_found', details) });
      assert.deepEqual(written, []);
    });
  }

  test('of another type is one line without a stack trace', async () => {
    const { logger, line } = await setUp();
    const error = apiFailure('not_found', { ...details, hint: 'x' });
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
    ['a refused input', apiFailure('invalid_input', { reasonClass: 'invalid_input' })],
    ['a failure that is not from the API', apiFailure('Mine', {})],
    ['an unexpected error', new TypeError('x is not a function')],
  ] as const) {
    test(`by ${what} is logged for a collect activity too`, async () => {
      const { logger, line } = await setUp();
      logger.warn('Activity failed', { activityType: 'collectRuntimeFile', error });
      assert.equal(line().level, 'warn');
      assert.match(line().problem, /it is not there|x is not a function/);
      assert.equal(line().stack, error instanceof TypeError ? error.stack : undefined);
    });
  }
});

test('the pretty log is one line per entry, without the fields that a reader of one worker knows', async () => {
  const { logger, written } = await setUp({ format: 'pretty' });
  logger.warn('collect failed', { workflowId: 'w', runtimePath: 'a.txt', namespace: 'default' });
  assert.equal(written.length, 1);
  assert.match(
    written[0] ?? '',
    /^\[?\d\d:\d\d:\d\d\.\d{3}\]? WARN: collect failed \{"workflowId":"w","runtimePath":"a.txt"\}\n$/,
  );
});

test('a failed workflow is one line without a stack trace', async () => {
  const { logger, line } = await setUp();
  logger.warn('Workflow failed', {
    workflowId: 'w',
    error: new Error('1 of 2 files could not be collected'),
  });
  const { time: _, ...rest } = line();
  const problem = '1 of 2 files could not be collected';
  assert.deepEqual(rest, { level: 'warn', workflowId: 'w', problem, msg: 'Workflow failed' });
});

for (const format of ['json', 'pretty'] as const) {
  test(`nothing in the ${format} log steers a terminal`, async () => {
    const { logger, written, line } = await setUp({ format });
    logger.warn(`a${STEERING_NAME}`, { runtimePath: STEERING_NAME, problem: STEERING_NAME });
    logger.warn('failed', { error: new Error(STEERING_NAME) });
    assert.equal(written.length, 2);
    for (const text of written) assertSafeForTerminal(text);
    if (format === 'json') assert.equal(line().problem, `Error: ${STEERING_NAME}`);
  });
}

test('the log of a terminal has the colors of this package, and none of another party', () => {
  const written: string[] = [];
  const write = (text: string) => written.push(text);
  const logger = createLogger({ format: undefined, level: 'info' }, { isTTY: true, write });
  const path = 'a\u001b[8m\u001b[31mb\u009b31m';
  logger.warn(path, { runtimePath: path });
  const shown = 'a [8m [31mb 31m';
  assert.equal(
    written[0]?.slice('[22:13:20.123] '.length),
    `\u001b[33mWARN\u001b[39m: \u001b[36m${shown}\u001b[39m \u001b[90m{"runtimePath":"${shown}"}\u001b[39m\n`,
  );
});
