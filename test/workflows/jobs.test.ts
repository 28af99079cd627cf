import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/client';
import type { BctrlActivities } from '../../src/activities/create-activities.js';
import { terminalStatuses } from '../../src/shared/api-schema.js';
import { JOB_FINISHED_SIGNAL } from '../../src/shared/names.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import {
  collectAny,
  endedJob,
  execute,
  fetchEvents,
  getElapsedMs,
  getFailedReport,
  HOUR_MS,
  list,
  RUNTIME,
  runPipeline,
  setUp,
  useTimeSkippingServer,
} from '../support/pipeline.js';

useTimeSkippingServer();

const MINUTE_MS = 60_000;

test('a job of eight hours with three files takes eight hours and fewer than 60 events', async () => {
  let attempts = 0;
  const activities: Partial<BctrlActivities> = {
    collectRuntimeFile: collectAny,
    async waitForInvocation({ invocationId }) {
      attempts += 1;
      if (attempts > 1) return endedJob(invocationId);
      throw ApplicationFailure.create({ type: 'upstream', nextRetryDelay: '8h' });
    },
  };
  const waitFor = { invocationIds: ['inv_1'] };
  const input = { runtimeId: RUNTIME, waitFor, files: list('a', 'b', 'c') };
  await execute({ activities }, input, async (handle) => {
    await handle.result();
    const elapsedMs = await getElapsedMs(handle);
    assert.ok(elapsedMs >= 8 * HOUR_MS && elapsedMs < 8 * HOUR_MS + MINUTE_MS, `${elapsedMs} ms`);
    const events = (await fetchEvents(handle)).length;
    assert.ok(events < 60, `${events} events`);
  });
});

describe('the status of a job', () => {
  for (const status of terminalStatuses) {
    for (const whenJobFails of [undefined, 'collect', 'skip'] as const) {
      const skipped = status !== 'succeeded' && whenJobFails === 'skip';
      const what = skipped ? 'skips its files' : 'has its files collected';
      test(`${status} with whenJobFails ${whenJobFails ?? 'left out'} ${what}`, async (t) => {
        const { gateway, runtimeId, activities } = await setUp(t, { 'a.txt': 'hello' });
        const { id } = await gateway.createInvocation({ runtimeId, durationMs: 0, status });
        const waitFor = { invocationIds: [id] };
        const input = { runtimeId, waitFor, whenJobFails, files: list('a.txt') };
        const report = await runPipeline(activities, input);
        assert.equal(report.jobs[0]?.status, status);
        assert.equal(report.outcome, skipped ? 'skipped' : 'succeeded');
        assert.deepEqual([report.counts.collected, report.counts.skipped], skipped ? [0, 1] : [1, 0]);
        assert.equal(gateway.snapshot().files.length, skipped ? 0 : 1);
        if (!skipped) return;
        const reason = `the job ${id} has the status ${status}`;
        assert.deepEqual(report.files, [{ outcome: 'skipped', runtimePath: 'a.txt', reason }]);
      });
    }
  }
});

describe('a wait that times out', () => {
  const activities: Partial<BctrlActivities> = {
    collectRuntimeFile: collectAny,
    async waitForInvocation() {
      throw ApplicationFailure.create({ type: 'upstream', nextRetryDelay: '5m' });
    },
  };
  const waitFor = { invocationIds: ['inv_1'], timeout: '1h' };

  for (const whenJobFails of ['collect', 'skip'] as const) {
    test(`fails the pipeline; whenJobFails ${whenJobFails} decides about the files`, async () => {
      const input = { runtimeId: RUNTIME, waitFor, whenJobFails, files: list('a.txt') };
      await execute({ activities }, input, async (handle) => {
        const report = await getFailedReport(handle);
        const problem = { message: 'invocation inv_1: it did not end in time' };
        assert.deepEqual(report.jobs, [{ id: 'inv_1', status: 'still_running', problem }]);
        const { collected, skipped } = report.counts;
        assert.deepEqual([collected, skipped], whenJobFails === 'skip' ? [0, 1] : [1, 0]);
        const elapsedMs = await getElapsedMs(handle);
        assert.ok(elapsedMs > 0.9 * HOUR_MS && elapsedMs <= HOUR_MS + MINUTE_MS, `${elapsedMs} ms`);
      });
    });
  }
});

test('a job that still runs after the timeout is reported with its last known status', async () => {
  const activities: Partial<BctrlActivities> = {
    collectRuntimeFile: collectAny,
    async waitForInvocation() {
      Context.current().heartbeat({ attempt: 0, checkpoint: { failures: {}, jobStatus: 'paused' } });
      return await Context.current().cancelled;
    },
  };
  const waitFor = { invocationIds: ['inv_1'], timeout: '2s' };
  const input = { runtimeId: RUNTIME, waitFor, files: list('a.txt') };
  const report = await execute({ activities }, input, getFailedReport);
  const message = 'invocation inv_1: it did not end in time; its status was "paused"';
  assert.deepEqual(report.jobs, [{ id: 'inv_1', status: 'still_running', problem: { message } }]);
});

for (const [whenJobFails, what, files] of [
  ['collect', 'its files are collected', 1],
  ['skip', 'nothing is collected', 0],
] as const) {
  test(`a job that does not exist fails the pipeline; with whenJobFails ${whenJobFails} ${what}`, async (t) => {
    const { gateway, runtimeId, activities } = await setUp(t, { 'a.txt': 'hello' });
    const input = { runtimeId, waitFor: { invocationIds: [RUNTIME] }, whenJobFails, files: list('a.txt') };
    const report = await execute({ activities }, input, getFailedReport);
    const { status, problem } = report.jobs[0] ?? {};
    assert.deepEqual(
      [status, problem?.reasonClass, problem?.code],
      ['unknown', 'not_found', 'invocation.not_found'],
    );
    assert.deepEqual(
      [report.outcome, report.counts.collected, report.counts.skipped],
      ['failed', files, 1 - files],
    );
    assert.equal(gateway.snapshot().files.length, files);
  });
}

describe('the signal jobFinished', () => {
  const input = { runtimeId: RUNTIME, waitFor: { signal: true, timeout: '2h' }, files: list('a.txt') };
  const activities = { collectRuntimeFile: collectAny };

  for (const [argument, status] of [
    [undefined, 'succeeded'],
    [{ status: 'failed' }, 'failed'],
  ] as const) {
    test(`with ${JSON.stringify(argument)} ends the wait with a job that is ${status}`, async () => {
      await execute({ activities }, input, async (handle) => {
        await handle.signal(JOB_FINISHED_SIGNAL, ...(argument ? [argument] : []));
        const { jobs, counts }: PipelineReport = await handle.result();
        assert.deepEqual([jobs, counts.collected], [[{ id: 'jobFinished', status }], 1]);
      });
    });
  }

  test('with an invocation id makes the pipeline ask the API how the job ended', async (t) => {
    const { gateway, runtimeId, activities } = await setUp(t, { 'a.txt': 'hello' });
    const { id } = await gateway.createInvocation({ runtimeId, durationMs: 100, status: 'cancelled' });
    await execute({ activities }, { ...input, runtimeId }, async (handle) => {
      await handle.signal(JOB_FINISHED_SIGNAL, { invocationId: id });
      const { jobs }: PipelineReport = await handle.result();
      assert.deepEqual([jobs.length, jobs[0]?.id, jobs[0]?.status], [1, id, 'cancelled']);
    });
  });

  test('with a wrong argument is ignored', async () => {
    await execute({ activities }, input, async (handle) => {
      await handle.signal(JOB_FINISHED_SIGNAL, { status: 'done' });
      await handle.signal(JOB_FINISHED_SIGNAL, { status: 'timed_out' });
      const { jobs }: PipelineReport = await handle.result();
      assert.equal(jobs[0]?.status, 'timed_out');
    });
  });

  test('that does not come before the timeout fails the pipeline', async () => {
    await execute({ activities }, input, async (handle) => {
      const { jobs } = await getFailedReport(handle);
      const problem = { message: 'the signal jobFinished did not come in time' };
      assert.deepEqual(jobs, [{ id: 'jobFinished', status: 'still_running', problem }]);
      const elapsedMs = await getElapsedMs(handle);
      assert.ok(elapsedMs >= 2 * HOUR_MS && elapsedMs < 2 * HOUR_MS + MINUTE_MS, `${elapsedMs} ms`);
    });
  });
});

describe('filesFromOutput', () => {
  const files = { 'a.txt': 'hello', 'b.txt': 'hi' };

  for (const [what, output, pointer, collected] of [
    ['a path', { file: 'a.txt' }, '/file', ['a.txt']],
    ['an array of paths', { 'x/y': [{ files: ['a.txt', 'b.txt'] }] }, '/x~1y/0/files', ['a.txt', 'b.txt']],
    [
      'file objects',
      [{ runtimePath: 'a.txt', destinationPath: '/to/a' }, { runtimePath: 'b.txt' }],
      '',
      ['a.txt', 'b.txt'],
    ],
    ['a file that the input has too', ['b.txt', 'a.txt'], '', ['b.txt', 'a.txt']],
  ] as const) {
    test(`may be ${what}`, async (t) => {
      const { gateway, runtimeId, activities } = await setUp(t, files);
      const { id } = await gateway.createInvocation({ runtimeId, durationMs: 0, output });
      const listed = what.includes('input') ? list('b.txt') : [];
      const input = { runtimeId, waitFor: { invocationIds: [id] }, filesFromOutput: pointer, files: listed };
      const report = await runPipeline(activities, input);
      assert.deepEqual(
        report.files.map(({ runtimePath }) => runtimePath),
        collected,
      );
      assert.equal(gateway.snapshot().files.length, collected.length);
    });
  }

  for (const [what, output, pointer, message] of [
    ['has no document', undefined, '/files', /: the job has no output$/],
    ['points nowhere', { files: [] }, '/file', /its output has nothing at "\/file"$/],
    ['points through a text', { files: 'a' }, '/files/b/c', /its output has nothing at/],
    ['points to something else', { files: 3 }, '/files', /names no files at "\/files": .*expected array/],
    ['points to a wrong file', [{ runtimePath: 'a' }, { path: 'b' }], '', /: \[1\]\.runtimePath: /],
    ['points to too many', Array.from({ length: 10_001 }, (_, i) => `${i}`), '', /10000/],
  ] as const) {
    test(`that ${what} is a problem of the job, and the files of the input are collected`, async (t) => {
      const { gateway, runtimeId, activities } = await setUp(t, files);
      const ended = { runtimeId, durationMs: 0, ...(output !== undefined && { output }) };
      const { id } = await gateway.createInvocation(ended);
      const input = {
        runtimeId,
        waitFor: { invocationIds: [id] },
        filesFromOutput: pointer,
        files: list('a.txt'),
      };
      const report = await execute({ activities }, input, getFailedReport);
      assert.match(report.jobs[0]?.problem?.message ?? '', message);
      assert.deepEqual([report.jobs[0]?.status, report.counts.collected], ['succeeded', 1]);
    });
  }

  test('is no problem of a failed job that names nothing', async (t) => {
    const { gateway, runtimeId, activities } = await setUp(t, files);
    const { id } = await gateway.createInvocation({ runtimeId, durationMs: 0, status: 'failed' });
    const input = {
      runtimeId,
      waitFor: { invocationIds: [id] },
      filesFromOutput: '/files',
      files: list('a.txt'),
    };
    assert.equal((await runPipeline(activities, input)).outcome, 'succeeded');
  });
});

test('a file that is listed twice is collected once per destination', async (t) => {
  const { gateway, runtimeId, activities } = await setUp(t, { 'a.txt': 'hello' });
  const elsewhere = { runtimePath: 'a.txt', destinationPath: '/to/a.txt' };
  const report = await runPipeline(activities, {
    runtimeId,
    files: [...list('a.txt', 'a.txt'), elsewhere, elsewhere],
  });
  assert.deepEqual([report.counts.files, report.counts.collected], [2, 2]);
  assert.equal(gateway.snapshot().files.length, 2);
});
