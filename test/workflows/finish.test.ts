import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { CancelledFailure } from '@temporalio/client';
import { PROGRESS_QUERY } from '../../src/shared/names.js';
import type { PipelineProgress, PipelineReport } from '../../src/shared/pipeline-report.js';
import type { FaultRule, GatewayOptions } from '../../src/testing.js';
import {
  env,
  execute,
  getCurrentDetails,
  getFailedReport,
  getFailure,
  type Handle,
  HOUR_MS,
  list,
  runPipeline,
  setUp,
  useTimeSkippingServer,
} from '../support/pipeline.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';

useTimeSkippingServer();

const finalResponse = { kind: 'respond', status: 403 } as const;
const files = list('a.txt', 'b.txt');
const contents = { 'a.txt': 'hello', 'b.txt': 'hi' };

async function runtimeStatus(gateway: Awaited<ReturnType<typeof setUp>>['gateway']): Promise<string> {
  return (await gateway.call('GET', `/v1/runtimes/${gateway.runtimeId}`)).body.status;
}

describe('exportArchive', () => {
  const exportArchive = { name: 'all.zip' };

  test('makes one zip of the files, although the first response was lost', async (t) => {
    const faults: FaultRule[] = [{ operation: 'export', times: 1, fault: { kind: 'drop-response' } }];
    const { gateway, runtimeId, activities } = await setUp(t, contents, { faults });
    const report = await runPipeline(activities, { runtimeId, files, exportArchive });
    const archives = gateway.snapshot().files.filter(({ runtimePath }) => runtimePath === null);
    assert.equal(archives.length, 1);
    assert.equal(gateway.snapshot().requests.export, 2);
    const { exportArchive: exported } = report;
    assert.ok(exported?.outcome === 'exported');
    assert.deepEqual([exported.fileId, exported.path], [archives[0]?.id, archives[0]?.path]);
    assert.match(exported.path ?? '', new RegExp(`/${report.runId}/.*all\\.zip$`));
  });

  for (const operation of ['export', 'get-runtime'] as const) {
    test(`that fails at ${operation} fails the pipeline, whose report still has the files`, async (t) => {
      const faults: FaultRule[] = [{ operation, fault: finalResponse }];
      const { runtimeId, activities } = await setUp(t, contents, { faults });
      const input = { runtimeId, files, exportArchive, stopRuntime: 'on-success' };
      const report = await execute({ activities }, input, getFailedReport);
      assert.equal(report.counts.collected, 2);
      assert.ok(report.exportArchive?.outcome === 'failed');
      assert.equal(report.exportArchive.reasonClass, 'capability_denied');
      assert.deepEqual(report.stopRuntime, { outcome: 'skipped', reason: 'the pipeline ends as failed' });
    });
  }

  test('is skipped when no file was collected', async (t) => {
    const { gateway, runtimeId, activities } = await setUp(t, {});
    const missing = [{ runtimePath: 'gone.txt', ifMissing: 'ignore' }];
    const report = await runPipeline(activities, { runtimeId, files: missing, exportArchive });
    assert.deepEqual(report.exportArchive, { outcome: 'skipped', reason: 'no file was collected' });
    assert.equal(gateway.snapshot().requests.export, undefined);
  });
});

describe('stopRuntime', () => {
  for (const [stopRuntime, failing, stopped] of [
    ['always', false, true],
    ['always', true, true],
    ['on-success', false, true],
    ['on-success', true, false],
    ['never', false, false],
    [undefined, false, false],
  ] as const) {
    const pipeline = failing ? 'a failing pipeline' : 'a pipeline';
    test(`${stopRuntime ?? 'left out'}: ${pipeline} ${stopped ? 'stops the runtime' : 'does not stop the runtime'}`, async (t) => {
      const { gateway, runtimeId, activities } = await setUp(t, failing ? {} : contents);
      await execute({ activities }, { runtimeId, files, stopRuntime }, async (handle) => {
        await (failing ? getFailedReport(handle) : handle.result());
      });
      assert.equal(await runtimeStatus(gateway), stopped ? 'stopped' : 'active');
    });
  }

  test('succeeds if an attempt whose response was lost has stopped the runtime', async (t) => {
    const faults: FaultRule[] = [{ operation: 'stop-runtime', times: 1, fault: { kind: 'drop-response' } }];
    const { gateway, runtimeId, activities } = await setUp(t, contents, { faults });
    const report = await runPipeline(activities, { runtimeId, files, stopRuntime: 'always' });
    assert.deepEqual(report.stopRuntime, { outcome: 'stopped' });
    assert.equal(gateway.snapshot().requests['stop-runtime'], 2);
  });

  test('that fails fails the pipeline, whose report still has the files', async (t) => {
    const faults: FaultRule[] = [{ operation: 'stop-runtime', fault: finalResponse }];
    const { runtimeId, activities } = await setUp(t, contents, { faults });
    await execute({ activities }, { runtimeId, files, stopRuntime: 'always' }, async (handle) => {
      const report = await getFailedReport(handle);
      assert.deepEqual([report.counts.collected, report.stopRuntime?.outcome], [2, 'failed']);
      assert.equal((await getFailure(handle))?.message, 'the runtime could not be stopped');
      assert.match(await getCurrentDetails(handle), /^- stopRuntime failed: .*403/m);
    });
  });
});

describe('next', () => {
  const toNext = (next: object) => ({ next });

  test('starts a workflow with the report, on its own task queue', async (t) => {
    const { runtimeId, activities } = await setUp(t, contents);
    // `collectFile` refuses the report as its input, and so shows that it received one.
    const wanted = { workflowType: 'collectFile', taskQueue: randomUUID() };
    await execute({ activities }, { runtimeId, files, ...toNext(wanted) }, async (handle) => {
      const { next }: PipelineReport = await handle.result();
      assert.ok(next?.outcome === 'started');
      const { workflowId, firstExecutionRunId } = handle;
      assert.equal(next.workflowId, `${workflowId}/${firstExecutionRunId}/next`);
      const child = env.client.workflow.getHandle(next.workflowId);
      const { type, taskQueue, status } = await child.describe();
      assert.deepEqual([type, taskQueue, status.name], ['collectFile', wanted.taskQueue, 'RUNNING']);
      const [started] = (await child.fetchHistory()).events ?? [];
      const payload = started?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data;
      const given = JSON.parse(Buffer.from(payload ?? []).toString()) as PipelineReport;
      assert.deepEqual([given.outcome, given.counts.collected], ['succeeded', 2]);
      await child.terminate();
    });
  });

  test('is skipped when the pipeline fails', async (t) => {
    const { runtimeId, activities } = await setUp(t, {});
    const input = { runtimeId, files, ...toNext({ workflowType: 'collectFile' }) };
    const report = await execute({ activities }, input, getFailedReport);
    assert.deepEqual(report.next, { outcome: 'skipped', reason: 'the pipeline ends as failed' });
  });
});

// Runs last: the server stops skipping time after some cancellations.
describe('cancellation', () => {
  async function cancelWhen(
    t: TestContext,
    options: Partial<GatewayOptions>,
    input: object,
    waitForMoment: (
      gateway: Awaited<ReturnType<typeof setUp>>['gateway'],
      handle: Handle,
    ) => Promise<unknown>,
  ) {
    const { gateway, runtimeId, activities } = await setUp(t, { 'a.txt': 'hello' }, options);
    const { id } = await gateway.createInvocation({ runtimeId, durationMs: HOUR_MS });
    const all = { runtimeId, stopRuntime: 'always', ...input };
    const withJob = 'waitFor' in input ? { ...all, waitFor: { invocationIds: [id] } } : all;
    return await execute({ activities }, withJob, async (handle) => {
      await waitForMoment(gateway, handle);
      await handle.cancel();
      assert.ok((await getFailure(handle)) instanceof CancelledFailure);
      assert.equal((await handle.describe()).status.name, 'CANCELLED');
      assert.equal(await runtimeStatus(gateway), 'stopped');
      const progress = await handle.query<PipelineProgress>(PROGRESS_QUERY);
      assert.deepEqual([progress.phase, progress.outcome], ['done', 'cancelled']);
      assert.deepEqual(progress.stopRuntime, { outcome: 'stopped' });
      return progress;
    });
  }

  test('of a held pipeline stops the runtime and keeps the report', async (t) => {
    const input = { files: list('a.txt', 'gone.txt'), onFailure: 'hold' };
    const { counts } = await cancelWhen(t, {}, input, async (_gateway, handle) => {
      await waitForPhase(handle, 'held');
    });
    assert.deepEqual([counts.collected, counts.failed], [1, 1]);
  });

  test('of a waiting pipeline stops the runtime and collects nothing', async (t) => {
    const input = { files: list('a.txt'), waitFor: {} };
    const { files } = await cancelWhen(t, {}, input, (gateway) =>
      waitFor('the request to wait', () => gateway.snapshot().requests.wait === 1),
    );
    const reason = 'the pipeline was cancelled';
    assert.deepEqual(files, [{ outcome: 'skipped', runtimePath: 'a.txt', reason }]);
  });

  for (const [operation, phase] of [
    ['collect', 'collecting'],
    ['export', 'finishing'],
    ['stop-runtime', 'finishing, and already stops'],
  ] as const) {
    test(`of a pipeline that is ${phase} stops the runtime`, async (t) => {
      const fault = { kind: 'delay', delayMs: 60_000 } as const;
      const faults: FaultRule[] = [{ operation, times: 1, fault }];
      const input = { files: list('a.txt'), exportArchive: {} };
      const { counts } = await cancelWhen(t, { faults }, input, async (gateway, handle) => {
        await waitFor('the request', () => gateway.snapshot().requests[operation] === 1);
        // The server never reports an activity that is cancelled before it began, which may happen to getActiveRun.
        await waitFor('the run', async () => (await handle.query<PipelineProgress>(PROGRESS_QUERY)).runId);
      });
      assert.deepEqual([counts.collected, counts.skipped], operation === 'collect' ? [0, 1] : [1, 0]);
    });
  }
});
