import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApplicationFailure } from '@temporalio/client';
import type { BctrlActivities } from '../../src/activities/create-activities.js';
import { ABANDON_UPDATE, JOB_FINISHED_SIGNAL, RESUME_UPDATE } from '../../src/shared/names.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import {
  collectAny,
  endedJob,
  env,
  execute,
  getCurrentDetails,
  getElapsedMs,
  getFailedReport,
  HOUR_MS,
  list,
  RUNTIME,
  useTimeSkippingServer,
} from '../support/pipeline.js';
import { waitForPhase } from '../support/wait-for.js';

useTimeSkippingServer();

const MINUTE_MS = 60_000;
const refused = () =>
  ApplicationFailure.nonRetryable('there is no such job', 'not_found', { reasonClass: 'not_found' });

describe('a pipeline that is held because its job still runs', () => {
  const input = {
    runtimeId: RUNTIME,
    waitFor: { signal: true, timeout: '1h' },
    files: [{ runtimePath: 'a.txt', ifMissing: 'warn' }, { runtimePath: 'b.txt' }],
    onFailure: 'hold',
    stopRuntime: 'on-success',
  };

  function createJob() {
    const job = { isEnded: false, collects: 0 };
    const activities: Partial<BctrlActivities> = {
      async collectRuntimeFile(file) {
        job.collects += 1;
        assert.ok(job.isEnded, 'its files may still change');
        return await collectAny(file);
      },
      stopRuntime: async () => undefined,
    };
    return { job, activities };
  }

  test('collects the files after the job has ended', async () => {
    const { job, activities } = createJob();
    await execute({ activities }, input, async (handle) => {
      await env.sleep(HOUR_MS + MINUTE_MS);
      const { jobs, counts } = await waitForPhase(handle, 'held');
      assert.equal(jobs[0]?.status, 'still_running');
      assert.deepEqual([counts.files, counts.collected, counts.missing, counts.failed], [2, 0, 0, 0]);
      await env.sleep(5 * HOUR_MS);
      job.isEnded = true;
      await handle.signal(JOB_FINISHED_SIGNAL);
      assert.deepEqual(await handle.executeUpdate(RESUME_UPDATE), { files: 0, jobs: 1 });
      const report: PipelineReport = await handle.result();
      assert.deepEqual([report.outcome, report.counts.collected], ['succeeded', 2]);
      assert.deepEqual(report.stopRuntime, { outcome: 'stopped' });
      const elapsedMs = await getElapsedMs(handle);
      assert.ok(elapsedMs >= 6 * HOUR_MS && elapsedMs < 6 * HOUR_MS + 3 * MINUTE_MS, `${elapsedMs} ms`);
    });
    assert.equal(job.collects, 2);
  });

  test('skips all files when it is abandoned, and returns their number', async () => {
    const { job, activities } = createJob();
    await execute({ activities }, input, async (handle) => {
      await env.sleep(HOUR_MS + MINUTE_MS);
      await waitForPhase(handle, 'held');
      assert.deepEqual(await handle.executeUpdate(ABANDON_UPDATE), { files: 2 });
      const report = await getFailedReport(handle);
      assert.deepEqual([report.outcome, report.counts.skipped], ['abandoned', 2]);
      assert.equal(report.stopRuntime?.outcome, 'skipped');
    });
    assert.equal(job.collects, 0);
  });
});

describe('the signal jobFinished', () => {
  const input = { runtimeId: RUNTIME, waitFor: { signal: true, timeout: '2h' }, files: list('a.txt') };

  test('replaces the one that named a wrong job, while the pipeline is held for that job', async () => {
    const activities: Partial<BctrlActivities> = {
      collectRuntimeFile: collectAny,
      async waitForInvocation({ invocationId }) {
        if (invocationId === 'inv_1') return endedJob(invocationId);
        throw refused();
      },
    };
    await execute({ activities }, { ...input, onFailure: 'hold' }, async (handle) => {
      await handle.signal(JOB_FINISHED_SIGNAL, { invocationId: 'inv_typo' });
      const { jobs } = await waitForPhase(handle, 'held');
      assert.deepEqual([jobs[0]?.id, jobs[0]?.status], ['inv_typo', 'unknown']);
      await handle.signal(JOB_FINISHED_SIGNAL, { invocationId: 'inv_1' });
      assert.deepEqual(await handle.executeUpdate(RESUME_UPDATE), { files: 0, jobs: 1 });
      const report: PipelineReport = await handle.result();
      assert.deepEqual(
        report.jobs.map(({ id, status }) => [id, status]),
        [['inv_1', 'succeeded']],
      );
      assert.equal(report.counts.collected, 1);
    });
  });

  test('is waited for in the phase waiting, which the current details show', async () => {
    await execute({ activities: { collectRuntimeFile: collectAny } }, input, async (handle) => {
      await waitForPhase(handle, 'waiting');
      assert.match(await getCurrentDetails(handle), /^\| waiting \| 1 \|/m);
      await handle.signal(JOB_FINISHED_SIGNAL);
      await handle.result();
    });
  });

  test('counts once; another one is ignored', async () => {
    await execute({ activities: { collectRuntimeFile: collectAny } }, input, async (handle) => {
      await handle.signal(JOB_FINISHED_SIGNAL, { status: 'failed' });
      await handle.signal(JOB_FINISHED_SIGNAL, { status: 'succeeded' });
      const report: PipelineReport = await handle.result();
      assert.deepEqual(report.jobs, [{ id: 'jobFinished', status: 'failed' }]);
    });
  });

  test('that names a running job leaves it the rest of the timeout', async () => {
    const activities: Partial<BctrlActivities> = {
      collectRuntimeFile: collectAny,
      async waitForInvocation() {
        throw ApplicationFailure.create({ type: 'upstream', nextRetryDelay: '1m' });
      },
    };
    await execute({ activities }, input, async (handle) => {
      await env.sleep(1.5 * HOUR_MS);
      await handle.signal(JOB_FINISHED_SIGNAL, { invocationId: 'inv_1' });
      const report = await getFailedReport(handle);
      assert.equal(report.jobs[0]?.status, 'still_running');
      const elapsedMs = await getElapsedMs(handle);
      assert.ok(elapsedMs >= 1.9 * HOUR_MS && elapsedMs <= 2 * HOUR_MS + MINUTE_MS, `${elapsedMs} ms`);
    });
  });
});

test('resume with runtimePaths does not wait for jobs again', async () => {
  let waits = 0;
  let isOpen = false;
  const activities: Partial<BctrlActivities> = {
    async waitForInvocation({ invocationId }) {
      waits += 1;
      return { ...endedJob(invocationId), outputProblem: 'its output has nothing at "/files"' };
    },
    async collectRuntimeFile(file) {
      if (isOpen) return await collectAny(file);
      throw ApplicationFailure.nonRetryable('the key has expired', 'unauthorized', {
        reasonClass: 'unauthorized',
      });
    },
  };
  const input = {
    runtimeId: RUNTIME,
    waitFor: { invocationIds: ['inv_1'] },
    filesFromOutput: '/files',
    files: list('a.txt', 'b.txt'),
    onFailure: 'hold',
  };
  await execute({ activities }, input, async (handle) => {
    await waitForPhase(handle, 'held');
    isOpen = true;
    const resumed = await handle.executeUpdate(RESUME_UPDATE, { args: [{ runtimePaths: ['a.txt'] }] });
    assert.deepEqual(resumed, { files: 1, jobs: 0 });
    const { counts } = await waitForPhase(handle, 'held');
    assert.deepEqual([counts.collected, counts.failed], [1, 1]);
    assert.equal(waits, 1);
    assert.deepEqual(await handle.executeUpdate(RESUME_UPDATE), { files: 1, jobs: 1 });
    await waitForPhase(handle, 'held');
    assert.equal(waits, 2);
    assert.deepEqual(await handle.executeUpdate(ABANDON_UPDATE), { files: 0 });
    assert.equal((await getFailedReport(handle)).counts.collected, 2);
  });
});
