import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { ApplicationFailure, CancelledFailure, defaultPayloadConverter } from '@temporalio/client';
import type { BctrlActivities } from '../../src/activities/create-activities.js';
import type { CollectedFile, CollectRuntimeFileInput } from '../../src/shared/collect.js';
import {
  COLLECT_FILE,
  COLLECTION_KEY_FIELD,
  POST_RUN_PIPELINE,
  PROGRESS_QUERY,
} from '../../src/shared/names.js';
import type { FailedOutcome, PipelineProgress, PipelineReport } from '../../src/shared/pipeline-report.js';
import type { FaultRule } from '../../src/testing.js';
import { fileNotFound } from '../support/faults.js';
import {
  assertRefused,
  collectAny,
  createGate,
  endedJob,
  env,
  execute,
  fetchEvents,
  fetchScheduledActivities,
  getCurrentDetails,
  getFailedReport,
  getFailure,
  type Handle,
  HOUR_MS,
  list,
  RUNTIME,
  runPipeline,
  setUp,
  toFile,
  useTimeSkippingServer,
} from '../support/pipeline.js';
import { withWorker } from '../support/temporal.js';
import { waitFor } from '../support/wait-for.js';

useTimeSkippingServer();

/** The empty paragraph at the end of all details. */
const END = ['', '\u00a0'];

describe('jobs', () => {
  test('are waited for before their files are collected', async (t) => {
    const { gateway, runtimeId, activities } = await setUp(t, { 'a.txt': 'hello', 'b.txt': 'hi' });
    const job = await gateway.createInvocation({ runtimeId, durationMs: 300 });
    const waitFor = { invocationIds: [job.id] };
    const report = await runPipeline(activities, { runtimeId, waitFor, files: list('a.txt', 'b.txt') });
    assert.deepEqual(report.jobs, [{ id: job.id, action: 'act', status: 'succeeded', durationSeconds: 0.3 }]);
    assert.equal(report.counts.collected, 2);
    const endedMs = Date.parse(job.createdAt) + 300;
    for (const { createdAt } of gateway.snapshot().files) assert.ok(Date.parse(createdAt) >= endedMs);
  });

  test('of eight hours take eight hours of virtual time and a history of 17 events', async () => {
    let attempts = 0;
    const activities: Partial<BctrlActivities> = {
      collectRuntimeFile: collectAny,
      async waitForInvocation({ invocationId }) {
        attempts += 1;
        if (attempts > 1) return endedJob(invocationId);
        throw ApplicationFailure.create({ type: 'upstream', nextRetryDelay: '8h' });
      },
    };
    const input = { runtimeId: RUNTIME, waitFor: { invocationIds: ['inv_1'] }, files: list('a.txt') };
    await execute({ activities }, input, async (handle) => {
      await handle.result();
      const { startTime, closeTime } = await handle.describe();
      const elapsedMs = Number(closeTime) - Number(startTime);
      assert.ok(elapsedMs >= 8 * HOUR_MS && elapsedMs < 8 * HOUR_MS + 60_000, `${elapsedMs} ms`);
      assert.equal((await fetchEvents(handle)).length, 17);
    });
  });

  test('are reported in the order of the input, a failed one with its error', async (t) => {
    const { gateway, runtimeId, activities } = await setUp(t, { 'a.txt': 'hello' });
    const error = { code: 'page.crashed', message: 'The page crashed.' };
    const slow = await gateway.createInvocation({ runtimeId, durationMs: 200 });
    const broken = await gateway.createInvocation({ runtimeId, durationMs: 0, error });
    const waitFor = { invocationIds: [slow.id, broken.id] };
    const report = await runPipeline(activities, { runtimeId, waitFor, files: list('a.txt') });
    const jobs = report.jobs.map(({ id, status, error }) => [id, status, error]);
    assert.deepEqual(jobs, [
      [slow.id, 'succeeded', undefined],
      [broken.id, 'failed', error],
    ]);
    assert.equal(report.counts.collected, 1);
  });
});

describe('the report', () => {
  test('lists the files in the order of the input', async (t) => {
    const fault = { kind: 'delay', delayMs: 200 } as const;
    const faults: FaultRule[] = [{ operation: 'collect', runtimePath: 'slow.txt', fault }];
    const files = { 'slow.txt': 'hello', 'b/fast.txt': 'hi', 'empty.txt': '' };
    const { gateway, runtimeId, activities } = await setUp(t, files, { faults });
    const wanted = list('slow.txt', 'b/fast.txt', 'empty.txt');
    const report = await runPipeline(activities, { runtimeId, files: wanted });
    const committed = gateway.snapshot().files;
    assert.equal(committed.length, 3);
    assert.equal(committed.at(-1)?.runtimePath, 'slow.txt');
    assert.deepEqual(report, {
      runtimeId,
      outcome: 'succeeded',
      jobs: [],
      warnings: ['empty.txt: the file is empty (0 bytes)'],
      counts: { files: 3, collected: 3, kept: 0, missing: 0, skipped: 0, failed: 0 },
      bytes: 7,
      files: Object.entries(files).map(([runtimePath, content]) => {
        const file = committed.find((each) => each.runtimePath === runtimePath);
        const sizeBytes = content.length;
        return { outcome: 'collected', runtimePath, fileId: file?.id, path: file?.path, sizeBytes };
      }),
    });
  });

  test('is in the details of the failure if a file fails, which does not stop the others', async (t) => {
    const said = {
      code: 'auth.forbidden',
      error: 'Not yours.',
      hint: 'Ask the owner.',
      requestId: 'req_1',
      reasonClass: 'capability_denied',
    };
    const fault = { kind: 'respond', status: 403, body: said } as const;
    const faults: FaultRule[] = [{ operation: 'collect', runtimePath: 'secret.txt', fault }];
    const contents = { 'a.txt': 'hello', 'secret.txt': 'x', 'd.txt': 'hi' };
    const { gateway, runtimeId, activities } = await setUp(t, contents, { faults });
    const files = list('a.txt', 'secret.txt', 'missing.txt', 'd.txt');
    const report = await execute({ activities }, { runtimeId, files }, getFailedReport);
    assert.deepEqual(report.counts, { files: 4, collected: 2, kept: 0, missing: 0, skipped: 0, failed: 2 });
    assert.equal(report.bytes, 7);
    const outcomes = report.files.map(({ outcome, runtimePath }) => [runtimePath, outcome]);
    assert.deepEqual(outcomes, [
      ['a.txt', 'collected'],
      ['secret.txt', 'failed'],
      ['missing.txt', 'failed'],
      ['d.txt', 'collected'],
    ]);
    const call = `POST /v1/runtimes/${runtimeId}/files/collect`;
    assert.deepEqual(report.files[1], {
      outcome: 'failed',
      runtimePath: 'secret.txt',
      reasonClass: 'capability_denied',
      message: `secret.txt: ${call} returned 403 auth.forbidden: Not yours.`,
      code: 'auth.forbidden',
      status: 403,
      requestId: 'req_1',
      hint: 'Ask the owner.',
    });
    const { reasonClass, code, requestId = '' } = report.files[2] as FailedOutcome;
    assert.deepEqual([reasonClass, code], ['not_found', 'file.not_found']);
    assert.match(requestId, /./);
    assert.equal(gateway.snapshot().files.length, 2);
  });

  for (const details of [undefined, { orderId: 5 }]) {
    const what = details === undefined ? 'no details' : 'details of its own';
    test(`calls a failure with ${what} server, even if its type is that of a class`, async () => {
      const collectRuntimeFile: BctrlActivities['collectRuntimeFile'] = async () => {
        throw ApplicationFailure.nonRetryable('no such order', 'not_found', ...(details ? [details] : []));
      };
      const input = { runtimeId: RUNTIME, files: list('a.txt') };
      const report = await execute({ activities: { collectRuntimeFile } }, input, getFailedReport);
      const { reasonClass, message } = report.files[0] as FailedOutcome;
      assert.deepEqual([reasonClass, message], ['server', 'a.txt: no such order']);
    });
  }

  test('says in one sentence how many files failed', async () => {
    const collectRuntimeFile: BctrlActivities['collectRuntimeFile'] = async (input) => {
      if (input.runtimePath === 'a.txt') return toFile(input);
      throw ApplicationFailure.nonRetryable('gone', 'not_found', { reasonClass: 'not_found' });
    };
    const input = { runtimeId: RUNTIME, files: list('a.txt', 'b.txt', 'c.txt') };
    const failure = await execute({ activities: { collectRuntimeFile } }, input, getFailure);
    assert.equal(failure?.message, '2 of 3 files could not be collected');
  });

  test('counts a kept file apart from the collected ones, and without its bytes', async (t) => {
    const { gateway, runtimeId, activities } = await setUp(t, { 'a.txt': 'hello', 'b.txt': 'hi' });
    const there = await gateway.collect({ runtimePath: 'a.txt' });
    const files = [{ runtimePath: 'a.txt', ifExists: 'keep' }, { runtimePath: 'b.txt' }];
    const report = await runPipeline(activities, { runtimeId, files });
    assert.deepEqual(report.counts, { files: 2, collected: 1, kept: 1, missing: 0, skipped: 0, failed: 0 });
    assert.equal(report.bytes, 2);
    const { id: fileId, path } = there.body;
    assert.deepEqual(report.files[0], {
      outcome: 'kept',
      runtimePath: 'a.txt',
      fileId,
      path,
      sizeBytes: 5,
    });
  });

  test('has a conflict for a file whose destination exists, without `ifExists`', async (t) => {
    const { gateway, runtimeId, activities } = await setUp(t, { 'a.txt': 'hello' });
    await gateway.collect({ runtimePath: 'a.txt' });
    const report = await execute({ activities }, { runtimeId, files: list('a.txt') }, getFailedReport);
    const { reasonClass, code } = report.files[0] as FailedOutcome;
    assert.deepEqual([reasonClass, code], ['conflict', 'storage_file.path_exists']);
  });

  test('names duplicates', async () => {
    const collectRuntimeFile: BctrlActivities['collectRuntimeFile'] = async (input) => ({
      ...toFile(input),
      duplicateIds: ['file_2', 'file_3'],
    });
    const input = { runtimeId: RUNTIME, files: list('a.txt') };
    const { files, duplicates, warnings } = await runPipeline({ collectRuntimeFile }, input);
    assert.deepEqual(files[0]?.outcome === 'collected' && files[0].duplicateIds, ['file_2', 'file_3']);
    assert.equal(duplicates, 2);
    assert.deepEqual(warnings, ['a.txt: the API made it more than once; the other files are file_2, file_3']);
  });

  test('has one warning for what is odd about many files', async () => {
    const collectRuntimeFile: BctrlActivities['collectRuntimeFile'] = async (input) => {
      const { sizeBytes: _, ...file } = toFile(input);
      if (input.runtimePath.startsWith('empty')) return { ...file, sizeBytes: 0 };
      return { ...file, missingFields: ['sizeBytes', 'spaceId'] };
    };
    const input = { runtimeId: RUNTIME, files: list('empty-1', 'odd-1', 'odd-2', 'empty-2', 'odd-3') };
    const { counts, bytes, warnings } = await runPipeline({ collectRuntimeFile }, input);
    assert.deepEqual([counts.collected, bytes], [5, 0]);
    const [first, second] = [...warnings].sort();
    assert.match(first ?? '', /^empty-\d and 1 more: the file is empty \(0 bytes\)$/);
    assert.match(second ?? '', /^odd-\d and 2 more: the API's response has no usable sizeBytes, spaceId$/);
    assert.equal(warnings.length, 2);
  });
});

describe('a file', () => {
  test('that appears in time is collected; without `appearsWithin` it has failed', async (t) => {
    const faults: FaultRule[] = [{ operation: 'collect', times: 3, fault: fileNotFound }];
    const { runtimeId, activities } = await setUp(t, { 'late.txt': 'hello', 'a.txt': 'hi' }, { faults });
    const files = [{ runtimePath: 'late.txt', appearsWithin: '30s' }, { runtimePath: 'a.txt' }];
    const report = await execute({ activities }, { runtimeId, files }, getFailedReport);
    assert.deepEqual(
      report.files.map(({ outcome }) => outcome),
      ['collected', 'failed'],
    );
  });

  test('is requested with the fields of the input', async (t) => {
    const { gateway, runtimeId, activities } = await setUp(t, { 'a.txt': 'hello' });
    const options = { destinationPath: '/reports/b.txt', name: 'b', type: 'report', metadata: { mine: 1 } };
    const { files } = await runPipeline(activities, {
      runtimeId,
      files: [{ runtimePath: 'a.txt', ...options }],
    });
    assert.equal(files[0]?.outcome === 'collected' && files[0].path, '/reports/b.txt');
    assert.equal(gateway.snapshot().files[0]?.metadata?.['mine'], 1);
  });

  test('fails after `giveUpAfter` with the class of its last failure', async (t) => {
    const fault = { kind: 'respond', status: 429, headers: { 'retry-after': '600' } } as const;
    const { runtimeId, activities } = await setUp(t, {}, { faults: [{ operation: 'collect', fault }] });
    const input = { runtimeId, files: list('a.txt'), giveUpAfter: '1h' };
    const report = await execute({ activities }, input, getFailedReport);
    assert.equal((report.files[0] as FailedOutcome).reasonClass, 'rate_limited');
  });

  test('fails as upstream if no attempt finishes in time', async () => {
    const gate = createGate();
    const collectRuntimeFile: BctrlActivities['collectRuntimeFile'] = async (input) => {
      await gate.pass();
      return toFile(input);
    };
    const input = { runtimeId: RUNTIME, files: list('a.txt'), giveUpAfter: '1s' };
    await execute({ activities: { collectRuntimeFile } }, input, async (handle) => {
      const [outcome] = (await getFailedReport(handle)).files;
      gate.open();
      const message = 'a.txt: no attempt finished in time';
      assert.deepEqual(outcome, {
        outcome: 'failed',
        runtimePath: 'a.txt',
        reasonClass: 'upstream',
        message,
        unverified: true,
      });
    });
  });

  test('fails as server, with the reason in the report, if something around the activity fails', async () => {
    const collectRuntimeFile: BctrlActivities['collectRuntimeFile'] = async () => {
      throw new Error('the worker has no key to read its input');
    };
    const input = { runtimeId: RUNTIME, files: list('a.txt'), giveUpAfter: '1h' };
    const report = await execute({ activities: { collectRuntimeFile } }, input, getFailedReport);
    assert.deepEqual(report.files, [
      {
        outcome: 'failed',
        runtimePath: 'a.txt',
        reasonClass: 'server',
        message: 'a.txt: the worker has no key to read its input',
        unverified: true,
      },
    ]);
  });
});

test('20 files are collected at the same time, in one activity each', async () => {
  const started: string[] = [];
  const gate = createGate();
  const collectRuntimeFile: BctrlActivities['collectRuntimeFile'] = async (input) => {
    started.push(input.runtimePath);
    await gate.pass();
    return toFile(input);
  };
  const paths = Array.from({ length: 20 }, (_, index) => `${index}.txt`);
  const input = { runtimeId: RUNTIME, files: list(...paths), concurrency: 1 };
  await execute({ activities: { collectRuntimeFile } }, input, async (handle) => {
    await waitFor('20 activities', () => started.length === 20);
    assert.equal((await fetchScheduledActivities(handle)).length, 20);
    gate.open();
    const report: PipelineReport = await handle.result();
    assert.equal(report.counts.collected, 20);
  });
  assert.deepEqual(started.toSorted(), paths.toSorted());
});

describe('a wrong input fails the workflow at once, naming the field', () => {
  const files = list('0.txt', '1.txt', '2.txt');
  const wrong: [what: string, input: unknown, message: RegExp][] = [
    ['no input at all', undefined, /expected object/],
    ['null', null, /expected object/],
    ['a text', 'rt_1', /expected object/],
    ['no runtime', { files }, /^runtimeId: /],
    ['an empty runtime', { runtimeId: '', files }, /^runtimeId: /],
    ['no files', { runtimeId: RUNTIME }, /^files: /],
    ['an empty list of files', { runtimeId: RUNTIME, files: [] }, /^files: /],
    [
      'too many files',
      { runtimeId: RUNTIME, files: Array.from({ length: 10_001 }, () => files[0]) },
      /^files: .*10000/,
    ],
    ['a file without a path', withFile({}), /^files\[3\]\.runtimePath: /],
    [
      'a wrong duration',
      withFile({ runtimePath: 'a', appearsWithin: 'soon' }),
      /^files\[3\]\.appearsWithin: expected a duration such as/,
    ],
    ['a wrong choice', withFile({ runtimePath: 'a', ifExists: 'replace' }), /^files\[3\]\.ifExists: /],
    ['an unknown field of a file', withFile({ runtimePath: 'a', teapot: 1 }), /^files\[3\]: .*teapot/],
    [
      'a reserved metadata key',
      withFile({ runtimePath: 'a', metadata: { [COLLECTION_KEY_FIELD]: 'mine' } }),
      /^files\[3\]\.metadata: .*temporalCollectionKey/,
    ],
    ['an unknown field', { runtimeId: RUNTIME, files, teapot: 1 }, /teapot/],
    ['a wrong ifMissing', withFile({ runtimePath: 'a', ifMissing: 'skip' }), /^files\[3\]\.ifMissing: /],
    [
      'invocations and the signal',
      { runtimeId: RUNTIME, files, waitFor: { invocationIds: ['inv_1'], signal: true } },
      /^waitFor: expected either/,
    ],
    ['nothing to wait for', { runtimeId: RUNTIME, files, waitFor: {} }, /^waitFor: expected either/],
    [
      'a pointer that is none',
      { runtimeId: RUNTIME, waitFor: { signal: true }, filesFromOutput: 'files' },
      /^filesFromOutput: expected a JSON pointer/,
    ],
    [
      'the output of no job',
      { runtimeId: RUNTIME, files, filesFromOutput: '/files' },
      /^filesFromOutput: needs waitFor/,
    ],
    ['a wrong whenJobFails', { runtimeId: RUNTIME, files, whenJobFails: 'stop' }, /^whenJobFails: /],
    ['a wrong onFailure', { runtimeId: RUNTIME, files, onFailure: 'retry' }, /^onFailure: /],
    [
      'an archive that is no zip',
      { runtimeId: RUNTIME, files, exportArchive: { name: 'all.tar' } },
      /^exportArchive\.name: /,
    ],
    ['a wrong stopRuntime', { runtimeId: RUNTIME, files, stopRuntime: true }, /^stopRuntime: /],
    ['a wrong giveUpAfter', { runtimeId: RUNTIME, files, giveUpAfter: '5' }, /^giveUpAfter: .*duration/],
    [
      'no invocation to wait for',
      { runtimeId: RUNTIME, files, waitFor: { invocationIds: [] } },
      /^waitFor\.invocationIds: /,
    ],
    [
      'a wrong timeout of the wait',
      { runtimeId: RUNTIME, files, waitFor: { invocationIds: ['inv_1'], timeout: 0 } },
      /^waitFor\.timeout: .*duration/,
    ],
  ];

  function withFile(file: object) {
    return { runtimeId: RUNTIME, files: [...files, file] };
  }

  for (const [what, input, message] of wrong) {
    test(what, async () => {
      await execute({}, input, async (handle) => {
        await assertRefused(handle, message);
        assert.deepEqual(await fetchScheduledActivities(handle), []);
      });
    });
  }
});

describe('what an operator sees', () => {
  test('progress has phase, counts and bytes, while the pipeline runs and after it has closed', async () => {
    const [job, file] = [createGate(), createGate()];
    const started: string[] = [];
    const activities: Partial<BctrlActivities> = {
      async waitForInvocation({ invocationId }) {
        started.push(invocationId);
        await job.pass();
        return endedJob(invocationId);
      },
      async collectRuntimeFile(input) {
        started.push(input.runtimePath);
        if (input.runtimePath === 'slow.txt') await file.pass();
        return input.runtimePath === 'kept.txt' ? { ...toFile(input), kept: true } : toFile(input);
      },
    };
    const input = {
      runtimeId: RUNTIME,
      waitFor: { invocationIds: ['inv_1'] },
      files: list('slow.txt', 'a.txt', 'kept.txt'),
    };
    await execute({ activities }, input, async (handle) => {
      const progress = async () => {
        const { phase, counts, bytes } = await handle.query<PipelineProgress>(PROGRESS_QUERY);
        return { phase, counts, bytes };
      };
      await waitFor('the activity to start', () => started.length === 1);
      const none = { files: 3, collected: 0, kept: 0, missing: 0, skipped: 0, failed: 0 };
      assert.deepEqual(await progress(), { phase: 'waiting', counts: none, bytes: 0 });

      job.open();
      await waitForOutcomes(handle, 2);
      const some = { files: 3, collected: 1, kept: 1, missing: 0, skipped: 0, failed: 0 };
      assert.deepEqual(await progress(), { phase: 'collecting', counts: some, bytes: 5 });

      file.open();
      await handle.result();
      const all = { files: 3, collected: 2, kept: 1, missing: 0, skipped: 0, failed: 0 };
      assert.deepEqual(await progress(), { phase: 'done', counts: all, bytes: 10 });
    });
  });

  test('progress of a failed pipeline counts what failed', async () => {
    const collectRuntimeFile: BctrlActivities['collectRuntimeFile'] = async () => {
      throw ApplicationFailure.nonRetryable('gone', 'not_found', { reasonClass: 'not_found' });
    };
    const input = { runtimeId: RUNTIME, files: list('a.txt') };
    await execute({ activities: { collectRuntimeFile } }, input, async (handle) => {
      await getFailedReport(handle);
      const { phase, counts } = await handle.query<PipelineProgress>(PROGRESS_QUERY);
      assert.deepEqual([phase, counts.failed], ['done', 1]);
    });
  });

  test('the current details are a table, and the failures by their cause', async () => {
    const gate = createGate();
    let failures = 0;
    const collectRuntimeFile: BctrlActivities['collectRuntimeFile'] = async (input) => {
      if (input.runtimePath === 'slow.txt') {
        await gate.pass();
        return toFile(input);
      }
      failures += 1;
      throw ApplicationFailure.nonRetryable(`${input.runtimePath} is gone`, 'not_found', {
        reasonClass: 'not_found',
      });
    };
    const gone = ['1', '2', '3', '4', '5', '6'].map((name) => `${name}.txt`);
    const input = { runtimeId: RUNTIME, files: list('slow.txt', ...gone) };
    await execute({ activities: { collectRuntimeFile } }, input, async (handle) => {
      await waitFor('all failures', () => failures === gone.length);
      await waitForOutcomes(handle, gone.length);
      const head = [
        '| phase | files | collected | kept | missing | skipped | failed | bytes |',
        '|---|---|---|---|---|---|---|---|',
      ];
      const [first, second, row, before, title, after, ...lines] = (await getCurrentDetails(handle)).split(
        '\n',
      );
      assert.deepEqual([first, second], head);
      assert.equal(row, '| collecting | 7 | 0 | 0 | 0 | 0 | 6 | 0 |');
      assert.deepEqual([before, title, after], ['', 'Failures:', '']);
      assert.match(lines[0] ?? '', /^- `not_found` `×6: ([1-6]\.txt) is gone, e\.g\. \1`$/);
      assert.deepEqual(lines.slice(1), END);

      gate.open();
      await getFailedReport(handle);
      assert.match(
        await getCurrentDetails(handle),
        /^\| done: failed \| 7 \| 1 \| 0 \| 0 \| 0 \| 6 \| 5 \|$/m,
      );
    });
  });

  test('the current details of a pipeline without failures are only the table', async () => {
    const input = { runtimeId: RUNTIME, files: list('a.txt') };
    await execute({ activities: { collectRuntimeFile: collectAny } }, input, async (handle) => {
      await handle.result();
      const lines = (await getCurrentDetails(handle)).split('\n');
      assert.deepEqual(lines.slice(2), ['| done: succeeded | 1 | 1 | 0 | 0 | 0 | 0 | 5 |', ...END]);
    });
  });

  test('the summary of each activity names its file or job, within the limit of Temporal', async () => {
    const activities: Partial<BctrlActivities> = {
      collectRuntimeFile: collectAny,
      waitForInvocation: async ({ invocationId }) => endedJob(invocationId),
    };
    const long = `${'あ'.repeat(1_000)}/results.csv`;
    const waitFor = { invocationIds: ['inv_1'] };
    const input = { runtimeId: RUNTIME, waitFor, files: list('a.txt', 'b\nc.txt', long) };
    await execute({ activities }, input, async (handle) => {
      await handle.result();
      const summaries = (await fetchEvents(handle)).flatMap((event) => {
        const summary = event.userMetadata?.summary;
        return summary ? [defaultPayloadConverter.fromPayload<string>(summary)] : [];
      });
      assert.deepEqual(summaries.slice(0, 3), ['wait for inv_1', 'a.txt', 'b c.txt']);
      assert.equal(summaries.length, 4);
      assert.match(summaries[3] ?? '', /^….*\/results\.csv$/);
      assert.ok(Buffer.byteLength(summaries[3] ?? '') <= 400);
    });
  });
});

describe('collectFile', () => {
  test('returns the file without download URL and metadata', async (t) => {
    const { gateway, runtimeId, activities } = await setUp(t, { 'a.txt': 'hello' });
    const input = { runtimeId, runtimePath: 'a.txt', metadata: { mine: 1 } };
    const file: CollectedFile = await execute({ type: COLLECT_FILE, activities }, input, (handle) =>
      handle.result(),
    );
    const { body } = await gateway.call('GET', `/v1/files/${file.id}`);
    const { id, spaceId, runId, name, path, contentType, sizeBytes, createdAt } = body;
    assert.deepEqual(file, { id, spaceId, runId, name, path, contentType, sizeBytes, createdAt });
    assert.deepEqual([sizeBytes, body.metadata.mine], [5, 1]);
  });

  const wrong: [what: string, input: unknown, message: RegExp][] = [
    ['no input at all', undefined, /expected object/],
    ['no path', { runtimeId: RUNTIME }, /^runtimePath: /],
    ['a wrong duration', { runtimeId: RUNTIME, runtimePath: 'a', giveUpAfter: 'soon' }, /^giveUpAfter: /],
    [
      'a collection key of its own',
      { runtimeId: RUNTIME, runtimePath: 'a', collectionKey: 'mine' },
      /collectionKey/,
    ],
  ];
  for (const [what, input, message] of wrong) {
    test(`with ${what} fails at once, naming the field`, async () => {
      await execute({ type: COLLECT_FILE }, input, (handle) => assertRefused(handle, message));
    });
  }
});

describe('the collection key', () => {
  /** The suffix of the key of each file of a pipeline, by path. */
  async function getKeySuffixes(t: TestContext, paths: string[]): Promise<Map<string, string>> {
    const contents = Object.fromEntries(paths.map((path) => [path, path]));
    const { gateway, runtimeId, activities } = await setUp(t, contents);
    return await execute({ activities }, { runtimeId, files: list(...paths) }, async (handle) => {
      await handle.result();
      const prefix = `${handle.workflowId}/${handle.firstExecutionRunId}/`;
      const suffixes = gateway.snapshot().files.map(({ runtimePath, metadata }) => {
        const key = String(metadata?.[COLLECTION_KEY_FIELD]);
        assert.ok(key.startsWith(prefix), key);
        return [String(runtimePath), key.slice(prefix.length)] as const;
      });
      assert.equal(gateway.snapshot().requests['list-files'], undefined, 'a first run makes no lookup');
      return new Map(suffixes);
    });
  }

  test('consists of workflow id, first run and the file, whatever its position', async (t) => {
    const suffixes = await getKeySuffixes(t, ['a.txt', 'b.txt', 'ü.txt']);
    assert.equal(new Set(suffixes.values()).size, 3);
    for (const suffix of suffixes.values()) assert.match(suffix, /^[0-9a-f]{32}$/);
    // After a reset, jobs and `addFiles` may add their files in another order.
    const others = await getKeySuffixes(t, ['ü.txt', 'z.txt', 'a.txt']);
    assert.deepEqual(
      [others.get('a.txt'), others.get('ü.txt')],
      [suffixes.get('a.txt'), suffixes.get('ü.txt')],
    );
  });

  test('is the same in all attempts of an activity', async () => {
    const inputs: CollectRuntimeFileInput[] = [];
    const collectRuntimeFile: BctrlActivities['collectRuntimeFile'] = async (input) => {
      inputs.push(input);
      if (inputs.length < 3) throw ApplicationFailure.create({ type: 'upstream' });
      return toFile(input);
    };
    await runPipeline({ collectRuntimeFile }, { runtimeId: RUNTIME, files: list('a.txt') });
    const [first, ...others] = inputs;
    assert.equal(others.length, 2);
    for (const each of others) assert.deepEqual(each, first);
  });

  test('of collectFile is the same when the workflow is retried, and the second run checks for existing files', async () => {
    const inputs: CollectRuntimeFileInput[] = [];
    const collectRuntimeFile: BctrlActivities['collectRuntimeFile'] = async (input) => {
      inputs.push(input);
      if (inputs.length === 1)
        throw ApplicationFailure.nonRetryable('gone', 'not_found', { reasonClass: 'not_found' });
      return toFile(input);
    };
    const options = { retry: { maximumAttempts: 2 } };
    const execution = { type: COLLECT_FILE, activities: { collectRuntimeFile }, options };
    await execute(execution, { runtimeId: RUNTIME, runtimePath: 'a.txt' }, async (handle) => {
      await handle.result();
      const collectionKey = `${handle.workflowId}/${handle.firstExecutionRunId}`;
      assert.deepEqual(
        inputs.map(({ collectionKey, checkExistingFirst }) => ({ collectionKey, checkExistingFirst })),
        [
          { collectionKey, checkExistingFirst: false },
          { collectionKey, checkExistingFirst: true },
        ],
      );
    });
  });

  test('differs between executions with the same workflow id', async (t) => {
    const { gateway, runtimeId, activities } = await setUp(
      t,
      { 'a.txt': 'hello' },
      { onPathExists: 'keep-both' },
    );
    await withWorker(env, { activities }, async (taskQueue) => {
      const input = { runtimeId, files: list('a.txt') };
      const workflow = { taskQueue, workflowId: randomUUID(), args: [input] };
      await env.client.workflow.execute(POST_RUN_PIPELINE, workflow);
      await env.client.workflow.execute(POST_RUN_PIPELINE, workflow);
    });
    const keys = gateway.snapshot().files.map(({ metadata }) => metadata?.[COLLECTION_KEY_FIELD]);
    assert.equal(new Set(keys).size, 2);
  });
});

// Runs last: the server skips no more time, as it takes an activity of a closed workflow for a running one.
describe('cancellation', () => {
  async function assertCancelled(handle: Handle): Promise<void> {
    await handle.cancel();
    assert.ok((await getFailure(handle)) instanceof CancelledFailure);
    assert.equal((await handle.describe()).status.name, 'CANCELLED');
  }

  async function failedOnce(handle: Handle): Promise<boolean> {
    const [activity] = (await handle.describe()).raw.pendingActivities ?? [];
    return activity?.lastFailure != null;
  }

  test('during the wait for a job closes the pipeline, and nothing is collected', async (t) => {
    const { gateway, runtimeId, activities } = await setUp(t, { 'a.txt': 'hello' });
    const job = await gateway.createInvocation({ runtimeId, durationMs: HOUR_MS });
    const input = { runtimeId, waitFor: { invocationIds: [job.id] }, files: list('a.txt') };
    await execute({ activities }, input, async (handle) => {
      await waitFor('the request to wait', () => gateway.snapshot().requests.wait === 1);
      await assertCancelled(handle);
    });
    assert.equal(gateway.snapshot().requests.collect, undefined);
  });

  test('during the collect ends the requests, starts no others, and closes the pipeline', async (t) => {
    const fault = { kind: 'delay', delayMs: 60_000 } as const;
    const faults: FaultRule[] = [{ operation: 'collect', runtimePath: 'slow.txt', fault }];
    const { gateway, runtimeId, activities } = await setUp(t, { 'a.txt': 'hello' }, { faults });
    const slow = Array.from({ length: 99 }, (_, index) => ({
      runtimePath: 'slow.txt',
      destinationPath: `/${index}`,
    }));
    const files = [...list('a.txt'), ...slow];
    const input = { runtimeId, files, batchSize: 40, concurrency: 1 };
    await execute({ activities }, input, async (handle) => {
      // 32 requests are in flight, the most of a worker, and one has ended.
      await waitFor('33 collects', () => gateway.snapshot().requests.collect === 33);
      await assertCancelled(handle);
      assert.equal(gateway.snapshot().inFlight, 32, 'the gateway is still at them');
      const { outcome, counts, files } = await handle.query<PipelineProgress>(PROGRESS_QUERY);
      assert.deepEqual([outcome, counts.collected, counts.skipped], ['cancelled', 1, 99]);
      const reasons = files.flatMap((file) => (file.outcome === 'skipped' ? file.reason : []));
      assert.equal(reasons.filter((reason) => reason.endsWith('it may have been copied')).length, 39);
      assert.match(
        await getCurrentDetails(handle),
        /^\| done: cancelled \| 100 \| 1 \| 0 \| 0 \| 99 \| 0 \|/m,
      );
    });
    assert.equal(gateway.snapshot().requests.collect, 33);
  });

  test('between two attempts closes the pipeline', async (t) => {
    const fault = { kind: 'respond', status: 429, headers: { 'retry-after': '3600' } } as const;
    const { gateway, runtimeId, activities } = await setUp(
      t,
      {},
      { faults: [{ operation: 'collect', fault }] },
    );
    await execute({ activities }, { runtimeId, files: list('a.txt') }, async (handle) => {
      await waitFor('the first failure', () => failedOnce(handle));
      await assertCancelled(handle);
    });
    assert.equal(gateway.snapshot().requests.collect, 1);
  });
});

/** Resolves when `files` files of a running pipeline have an outcome. */
async function waitForOutcomes(handle: Handle, files: number): Promise<void> {
  await waitFor(`${files} files with an outcome`, async () => {
    const { counts } = await handle.query<PipelineProgress>(PROGRESS_QUERY);
    return counts.collected + counts.kept + counts.failed === files;
  });
}
