import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  TimeoutFailure,
} from '@temporalio/common';
import fc from 'fast-check';
import { PIPELINE_FAILED } from '../../src/shared/names.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import { readFailure, readReport } from '../../src/shared/read-failure.js';
import { reasonClasses } from '../../src/shared/reason-class.js';

const problem = { code: 'x.y', status: 503, requestId: 'req_1', hint: 'Wait.' };
const details = { reasonClass: 'upstream', ...problem, unverified: true, details: { field: 'x' } };
const failure = ApplicationFailure.create({ type: 'upstream', message: 'said so', details: [details] });

const report: PipelineReport = {
  runtimeId: 'rt_1',
  runId: 'run_1',
  outcome: 'abandoned',
  jobs: [{ id: 'inv_1', status: 'timed_out', problem: { message: 'late' } }],
  counts: { files: 3, collected: 1, kept: 0, missing: 0, skipped: 1, failed: 1 },
  bytes: 5,
  files: [
    { outcome: 'collected', runtimePath: 'a', fileId: 'file_1', path: '/a', sizeBytes: 5 },
    { outcome: 'failed', runtimePath: 'b', reasonClass: 'not_found', message: 'no such file' },
    { outcome: 'skipped', runtimePath: 'c', reason: 'the pipeline was abandoned' },
  ],
  duplicates: 1,
  warnings: ['one'],
  exportArchive: { outcome: 'exported', fileId: 'file_2' },
  stopRuntime: { outcome: 'failed', message: 'no' },
  next: { outcome: 'skipped', reason: 'the pipeline ends as abandoned' },
};
const failed = (fields: object) =>
  ApplicationFailure.create({ type: PIPELINE_FAILED, details: [{ ...report, ...fields }] });

/** Other errors around one. */
const wrappers: Record<string, (cause: Error) => unknown> = {
  nothing: (cause) => cause,
  'an ActivityFailure': (cause) => new ActivityFailure('', 'collect', '1', 'TIMEOUT', '', cause),
  'a timeout': (cause) => Object.assign(new TimeoutFailure('', undefined, 'SCHEDULE_TO_CLOSE'), { cause }),
  'a ChildWorkflowFailure': (cause) =>
    new ChildWorkflowFailure('default', { workflowId: 'w', runId: 'r' }, 'w', 'TIMEOUT', cause),
  'a failure of another type': (cause) => ApplicationFailure.create({ type: 'OrderFailed', cause }),
  'an Error of another realm': (cause) => Object.assign(runInNewContext('new Error()'), { cause }),
  'fifty errors': (cause) => {
    let error = cause;
    for (let depth = 0; depth < 50; depth += 1) error = new Error('around', { cause: error });
    return error;
  },
};

for (const [what, wrap] of Object.entries(wrappers)) {
  test(`through ${what}, the failure of an activity and the report of a pipeline are read`, () => {
    assert.deepEqual(readFailure(wrap(failure)), {
      reasonClass: 'upstream',
      message: 'said so',
      ...problem,
      unverified: true,
      details: { field: 'x' },
      retryable: true,
    });
    assert.deepEqual(readReport(wrap(failed({}))), report);
    assert.equal(readReport(wrap(failure)), undefined);
    assert.equal(readFailure(wrap(failed({}))), undefined);
  });
}

describe('a failure', () => {
  for (const reasonClass of reasonClasses) {
    test(`of the type ${reasonClass} is read if its details name the class`, () => {
      const bare = ApplicationFailure.nonRetryable('m', reasonClass, { reasonClass });
      assert.deepEqual(readFailure(bare), { reasonClass, message: 'm', retryable: false });
    });

    test(`of the type ${reasonClass} is somebody else’s without such details`, () => {
      const other = reasonClass === 'server' ? 'upstream' : 'server';
      for (const details of [[], [null], ['x'], [{}], [{ reasonClass: other }], [{}, { reasonClass }]]) {
        const foreign = ApplicationFailure.nonRetryable('m', reasonClass, ...details);
        assert.equal(readFailure(foreign), undefined, JSON.stringify(details));
      }
    });
  }

  test('that is somebody else’s does not hide that of an activity', () => {
    const outer = ApplicationFailure.create({ type: 'not_found', message: 'no such order', cause: failure });
    assert.equal(readFailure(outer)?.message, 'said so');
  });

  test('that does not say whether it is retryable has no such field', () => {
    const [type, details] = ['server', [{ reasonClass: 'server' }]] as const;
    assert.deepEqual(readFailure(new ApplicationFailure('m', type, undefined, [...details])), {
      reasonClass: 'server',
      message: 'm',
    });
  });

  test('has only the details that have the right type', () => {
    const odd = {
      reasonClass: 'server',
      code: 5,
      status: '503',
      requestId: 'req_1',
      hint: null,
      unverified: 'yes',
      details: [],
    };
    const read = readFailure(ApplicationFailure.nonRetryable('m', 'server', odd));
    assert.deepEqual(read, {
      reasonClass: 'server',
      message: 'm',
      requestId: 'req_1',
      retryable: false,
    });
  });

  test('of the outermost activity is read', () => {
    const details = [{ reasonClass: 'conflict' }];
    const outer = ApplicationFailure.create({ type: 'conflict', message: 'outer', cause: failure, details });
    assert.equal(readFailure(outer)?.message, 'outer');
  });
});

describe('a report', () => {
  test('of a newer version is read, with the fields that only that version knows', () => {
    const newer = failed({
      jobs: [...report.jobs, { id: 'inv_2', status: 'paused' }],
      files: [{ outcome: 'linked', runtimePath: 'd' }, ...report.files],
      stopRuntime: { outcome: 'paused' },
      onPause: { outcome: 'started' },
    });
    const { stopRuntime: _, ...readable } = report;
    assert.deepEqual(readReport(newer), { ...readable, onPause: { outcome: 'started' } });
  });

  for (const field of ['runtimeId', 'jobs', 'counts', 'bytes', 'files', 'warnings']) {
    test(`without ${field} is none`, () => {
      assert.equal(readReport(failed({ [field]: undefined })), undefined);
    });
  }
});

describe('readFailure and readReport return undefined, and do not throw, for', () => {
  const endless = new Error('endless');
  endless.cause = endless;
  const throwing = new Proxy(
    {},
    {
      get() {
        throw new Error('no');
      },
    },
  );
  const growing = {
    get cause(): unknown {
      return Object.create(this);
    },
  };
  for (const [what, value] of Object.entries({
    endless,
    throwing,
    growing,
    undefined,
    null: null,
    text: 'x',
  })) {
    test(`a value that is ${what}`, () => {
      assert.deepEqual([readFailure(value), readReport(value)], [undefined, undefined]);
    });
  }

  test('anything else', () => {
    const types = fc.constantFrom(PIPELINE_FAILED, 'Error', 'not_found', undefined);
    const failures = fc
      .tuple(types, fc.array(fc.anything()))
      .map(([type, values]) => new ApplicationFailure('m', type, true, values));
    fc.assert(
      fc.property(fc.oneof(fc.anything({ withNullPrototype: true }), failures), (value) => {
        const cause = Object.assign(new Error('around'), { cause: value });
        assert.deepEqual(
          [value, cause].flatMap((error) => [readFailure(error), readReport(error)]),
          Array(4).fill(undefined),
        );
      }),
    );
  });
});
