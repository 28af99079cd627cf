import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { ApplicationFailure } from '@temporalio/client';
import type { CollectRuntimeFileInput } from '../../src/shared/collect.js';
import { COLLECTION_KEY_FIELD, POST_RUN_PIPELINE, RERUN_INPUT_QUERY } from '../../src/shared/names.js';
import type { PipelineInput } from '../../src/shared/pipeline-input.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import {
  collectAny,
  createGate,
  endedJob,
  env,
  execute,
  getFailedReport,
  type Handle,
  list,
  RUNTIME,
  setUp,
  toFile,
  useTimeSkippingServer,
} from '../support/pipeline.js';
import { withWorker } from '../support/temporal.js';
import { waitForPhase } from '../support/wait-for.js';

useTimeSkippingServer();

const getRerunInput = (handle: Handle) => handle.query<PipelineInput>(RERUN_INPUT_QUERY);

describe('a rerun', () => {
  test('collects only the files that are missing, and makes none twice', async (t) => {
    const { gateway, runtimeId, activities } = await setUp(
      t,
      { 'there.txt': 'a', 'unknown.txt': 'b', 'refused.txt': 'c' },
      {
        // Only lookups prevent a second file.
        onPathExists: 'keep-both',
        faults: [
          { operation: 'collect', runtimePath: 'unknown.txt', fault: { kind: 'drop-response' }, times: 1 },
          { operation: 'list-files', fault: { kind: 'respond', status: 503 } },
          { operation: 'collect', runtimePath: 'refused.txt', fault: { kind: 'respond', status: 401 } },
        ],
      },
    );
    const files = list('there.txt', 'unknown.txt', 'refused.txt');
    const workflowId = randomUUID();
    await withWorker(env, { activities }, async (taskQueue) => {
      const start = (input: PipelineInput) =>
        env.client.workflow.start(POST_RUN_PIPELINE, { taskQueue, workflowId, args: [input] });
      const first = await start({ runtimeId, files, giveUpAfter: '1m' });
      const { counts } = await getFailedReport(first);
      assert.deepEqual([counts.collected, counts.failed], [1, 2]);
      const input = await getRerunInput(first);
      assert.deepEqual(input.files, list('unknown.txt', 'refused.txt'));
      assert.equal(input.waitFor, undefined);

      // The second rerun has the keys of the first pipeline too.
      gateway.setFaults([{ operation: 'collect', fault: { kind: 'respond', status: 401 } }]);
      const second = await start(input);
      const report = await getFailedReport(second);
      assert.deepEqual(report.counts, {
        files: 2,
        collected: 1,
        kept: 0,
        missing: 0,
        skipped: 0,
        failed: 1,
      });
      const again = await getRerunInput(second);
      assert.deepEqual([again.files, again.rerunOf], [list('refused.txt'), input.rerunOf]);

      gateway.setFaults([]);
      const third = await start(again);
      const last = (await third.result()) as PipelineReport;
      assert.deepEqual([last.outcome, last.counts.collected], ['succeeded', 1]);
    });
    const snapshot = gateway.snapshot();
    assert.deepEqual(snapshot.files.map(({ runtimePath }) => runtimePath).sort(), [
      'refused.txt',
      'there.txt',
      'unknown.txt',
    ]);
    const keys = snapshot.files.map(({ metadata }) => String(metadata?.[COLLECTION_KEY_FIELD]));
    assert.equal(new Set(keys).size, 3);
    const origins = keys.map((key) => key.slice(0, key.lastIndexOf('/')));
    assert.equal(new Set(origins).size, 1, 'all keys are those of the first pipeline');
  });

  test('waits again for unresolved jobs, and for no others', async () => {
    const activities = {
      collectRuntimeFile: collectAny,
      async waitForInvocation({ invocationId: id }: { invocationId: string }) {
        if (id === 'lost')
          throw ApplicationFailure.nonRetryable('no such job', 'not_found', { reasonClass: 'not_found' });
        return { id, action: 'act', status: 'succeeded' as const, files: list(`${id}.txt`) };
      },
    };
    const waitFor = { invocationIds: ['ended', 'lost'], timeout: '8h' as const };
    const input = { runtimeId: RUNTIME, waitFor, filesFromOutput: '/files', onFailure: 'fail' };
    await execute({ activities }, input, async (handle) => {
      await getFailedReport(handle);
      const { rerunOf, ...rerun } = await getRerunInput(handle);
      assert.equal(rerunOf, `${handle.workflowId}/${handle.firstExecutionRunId}`);
      const remaining = { invocationIds: ['lost'], timeout: '8h' };
      assert.deepEqual(rerun, { ...input, waitFor: remaining, files: [], concurrency: 4 });
    });
  });

  test('waits again for a signal that did not come', async () => {
    const input = { runtimeId: RUNTIME, waitFor: { signal: true, timeout: '1h' }, files: list('a') };
    await execute({ activities: { collectRuntimeFile: collectAny } }, input, async (handle) => {
      await getFailedReport(handle);
      const { waitFor, files } = await getRerunInput(handle);
      assert.deepEqual([waitFor, files], [input.waitFor, []]);
    });
  });

  test('collects all files of a pipeline that was cancelled before it collected', async () => {
    const input = { runtimeId: RUNTIME, waitFor: { signal: true }, files: list('a', 'b') };
    await execute({}, input, async (handle) => {
      await waitForPhase(handle, 'waiting');
      await handle.cancel();
      await handle.result().catch(() => undefined);
      const { waitFor, files } = await getRerunInput(handle);
      assert.deepEqual([waitFor, files], [input.waitFor, input.files]);
    });
  });

  test('waits again for a job whose files were not added yet, as another job still ran', async () => {
    const gate = createGate();
    const activities = {
      collectRuntimeFile: collectAny,
      async waitForInvocation({ invocationId: id }: { invocationId: string }) {
        if (id === 'running') await gate.pass();
        return { id, action: 'act', status: 'succeeded' as const, files: list('named.txt') };
      },
    };
    const waitFor = { invocationIds: ['ended', 'running'] };
    const input = { runtimeId: RUNTIME, waitFor, filesFromOutput: '/files' };
    await execute({ activities }, input, async (handle) => {
      await waitForPhase(handle, 'waiting', ({ jobs }) => jobs.length > 0);
      await handle.terminate();
      assert.deepEqual((await getRerunInput(handle)).waitFor, waitFor);
    });
  });

  test('skips files that were skipped because a job had failed, and an archive that exists', async () => {
    const activities = {
      collectRuntimeFile: collectAny,
      waitForInvocation: async ({ invocationId: id }: { invocationId: string }) => ({
        ...endedJob(id),
        status: 'failed' as const,
      }),
      stopRuntime: async () => {
        throw ApplicationFailure.nonRetryable('not allowed', 'capability_denied', {
          reasonClass: 'capability_denied',
        });
      },
    };
    const waitFor = { invocationIds: ['job'] };
    const input = {
      runtimeId: RUNTIME,
      waitFor,
      whenJobFails: 'skip',
      files: list('a'),
      stopRuntime: 'always',
    };
    await execute({ activities }, input, async (handle) => {
      const { counts } = await getFailedReport(handle);
      assert.equal(counts.skipped, 1);
      const rerun = await getRerunInput(handle);
      assert.deepEqual([rerun.files, rerun.waitFor], [[], undefined]);
    });
  });

  test('makes no second archive of the same name', async () => {
    const activities = {
      async collectRuntimeFile(input: CollectRuntimeFileInput) {
        if (input.runtimePath === 'a') return toFile(input);
        throw ApplicationFailure.nonRetryable('no', 'capability_denied', {
          reasonClass: 'capability_denied',
        });
      },
      getActiveRun: async () => 'run',
      exportRunFiles: async () => toFile({ runtimeId: RUNTIME, runtimePath: 'run.zip' }),
    };
    const input = { runtimeId: RUNTIME, files: list('a', 'b'), exportArchive: { name: 'run.zip' } };
    await execute({ activities }, input, async (handle) => {
      const { exportArchive } = await getFailedReport(handle);
      assert.equal(exportArchive?.outcome, 'exported');
      const rerun = await getRerunInput(handle);
      assert.deepEqual([rerun.files, rerun.exportArchive], [list('b'), undefined]);
    });
  });
});
