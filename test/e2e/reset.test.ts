import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import { CancelledFailure, WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { PIPELINE_FAILED, POST_RUN_PIPELINE } from '../../src/shared/names.js';
import type { PipelineInput } from '../../src/shared/pipeline-input.js';
import type { FailedOutcome, PipelineReport } from '../../src/shared/pipeline-report.js';
import type { RetryTableOverrides } from '../../src/shared/retry-table.js';
import type { Fault, FaultRule } from '../../src/testing.js';
import { createTestActivities } from '../support/activities.js';
import { startServer } from '../support/client.js';
import { useDevServerEnv } from '../support/dev-server.js';
import { startTestGateway } from '../support/gateway.js';
import { withWorker } from '../support/temporal.js';
import { waitFor } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

type Handle = WorkflowHandle<(input: PipelineInput) => Promise<PipelineReport>>;

const env = useDevServerEnv();

/** An API that refuses taken paths would prevent the duplicates by itself. */
async function startGateway(t: TestContext, { names = ['a'], faults = [] as FaultRule[] } = {}) {
  const gateway = await startTestGateway(t, { onPathExists: 'keep-both', faults });
  for (const name of names) await gateway.addFile(name);
  return gateway;
}

function startPipeline(taskQueue: string, input: PipelineInput): Promise<Handle> {
  const options = { taskQueue, workflowId: randomUUID(), args: [input] as [PipelineInput] };
  return env().client.workflow.start<(input: PipelineInput) => Promise<PipelineReport>>(
    POST_RUN_PIPELINE,
    options,
  );
}

/** Starts a pipeline on a worker in this process, which runs as long as `use`. */
function withPipeline<T>(
  t: TestContext,
  { url, retryTable, ...input }: PipelineInput & { url: string; retryTable?: RetryTableOverrides },
  use: (handle: Handle) => Promise<T>,
): Promise<T> {
  const activities = createTestActivities(t, url, { retryTable });
  return withWorker(env(), { activities }, async (taskQueue) => use(await startPipeline(taskQueue, input)));
}

const address = () => env().address;

const toFiles = (names: string[]) => names.map((runtimePath) => ({ runtimePath }));

/** Returns the report of a pipeline that failed. */
async function failedReport(handle: Handle): Promise<PipelineReport & { files: FailedOutcome[] }> {
  const error = await handle.result().then(
    () => assert.fail('the pipeline completed'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof WorkflowFailedError, String(error));
  const { type, details } = error.cause as { type?: string; details?: unknown[] };
  assert.equal(type, PIPELINE_FAILED);
  return details?.[0] as PipelineReport & { files: FailedOutcome[] };
}

describe('an operator resets', () => {
  const names = ['a', 'b', 'c'];
  /** `b` is collected after the others, so that a workflow task comes between. */
  const faults: FaultRule[] = [
    { operation: 'collect', runtimePath: 'b', times: 1, fault: { kind: 'respond', status: 429 } },
  ];

  async function resetToWorkflowTask(handle: Handle, ordinal: number): Promise<Handle> {
    const { events } = await handle.fetchHistory();
    const completed = events?.filter((event) => event.workflowTaskCompletedEventAttributes) ?? [];
    const { workflowId } = handle;
    const { runId } = await handle.describe();
    const workflowTaskFinishEventId = completed[ordinal - 1]?.eventId;
    assert.ok(workflowTaskFinishEventId);
    const reset = await env().connection.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId, runId },
      workflowTaskFinishEventId,
      requestId: randomUUID(),
    });
    return env().client.workflow.getHandle(workflowId, reset.runId);
  }

  for (const [what, ordinal] of [
    ['its first workflow task: it repeats all', 1],
    ['its second workflow task: Temporal repeats the activities that were pending', 2],
  ] as const) {
    test(`a completed pipeline to ${what}, and nothing is created again`, async (t) => {
      const gateway = await startGateway(t, { names, faults });
      const input = { url: gateway.url, runtimeId: gateway.runtimeId, files: toFiles(names) };
      await withPipeline(t, input, async (handle) => {
        const report = await handle.result();
        const collects = gateway.snapshot().requests.collect;
        for (let resets = 1; resets <= 2; resets += 1) {
          const again = await resetToWorkflowTask(handle, ordinal);
          assert.deepEqual(await again.result(), report);
        }
        assert.equal(gateway.snapshot().requests.collect, collects);
        assert.equal(gateway.snapshot().files.length, names.length);
      });
    });
  }

  test('a pending activity and its heartbeats, and nothing is created again', async (t) => {
    const later: Fault = { kind: 'respond', status: 503, headers: { 'retry-after': '3600' } };
    const gateway = await startGateway(t, {
      faults: [
        { operation: 'collect', times: 1, fault: { kind: 'drop-response' } },
        { operation: 'list-files', times: 1, fault: later },
      ],
    });
    const input = { url: gateway.url, runtimeId: gateway.runtimeId, files: toFiles(['a']) };
    await withPipeline(t, input, async (handle) => {
      const { workflowId } = handle;
      const pending = await waitFor('the third attempt', async () => {
        const [activity] = (await handle.describe()).raw.pendingActivities ?? [];
        return activity?.attempt === 3 && activity;
      });
      await env().client.workflow.workflowService.resetActivity({
        namespace: 'default',
        execution: { workflowId },
        id: pending.activityId,
        resetHeartbeat: true,
      } as never);
      const { files } = await handle.result();
      assert.equal(files[0]?.outcome, 'collected');
      const { requests, files: made } = gateway.snapshot();
      // After the lost response the worker verifies its API key once. The last look is for what attempts before the reset may
      // have requested again.
      assert.deepEqual(requests, { collect: 1, 'list-files': 3, whoami: 1 });
      assert.equal(made.length, 1);
    });
  });
});

describe('retries on a real server', () => {
  test('a Retry-After beyond giveUpAfter fails the file at once', async (t) => {
    const fault: Fault = { kind: 'respond', status: 429, headers: { 'retry-after': '7200' } };
    const gateway = await startGateway(t, { faults: [{ operation: 'collect', fault }] });
    const { url, runtimeId } = gateway;
    const startedMs = performance.now();
    const input: PipelineInput = { runtimeId, files: toFiles(['a']), giveUpAfter: '9m' };
    const { files } = await withPipeline(t, { url, ...input }, failedReport);
    assert.equal(files[0]?.reasonClass, 'rate_limited');
    assert.match(files[0].message, /^a: POST \S+ returned 429 rate_limited/);
    assert.equal(gateway.snapshot().requests.collect, 1);
    assert.ok(performance.now() - startedMs < 10_000);
  });

  describe('failures are counted per class over all attempts', () => {
    const everySecond = { initialInterval: '1s', maximumInterval: '1s' } as const;
    const retryTable: RetryTableOverrides = {
      server: { ...everySecond, maximumFailures: 3 },
      upstream: everySecond,
    };
    const inTurn = (...statuses: number[]): FaultRule[] =>
      statuses.map((status) => ({ operation: 'collect', times: 1, fault: { kind: 'respond', status } }));

    test('two failures of a class that gives up at three, among others, and the file is collected', async (t) => {
      const gateway = await startGateway(t, { faults: inTurn(500, 503, 503, 500, 503) });
      const input = { url: gateway.url, runtimeId: gateway.runtimeId, files: toFiles(['a']), retryTable };
      const report = await withPipeline(t, input, (handle) => handle.result());
      assert.equal(report.counts.collected, 1);
      assert.equal(gateway.snapshot().requests.collect, 6);
    });

    test('the third failure of a class is final', async (t) => {
      const gateway = await startGateway(t, { faults: inTurn(500, 503, 500, 503, 500) });
      const input = { url: gateway.url, runtimeId: gateway.runtimeId, files: toFiles(['a']), retryTable };
      const { files } = await withPipeline(t, input, failedReport);
      assert.equal(files[0]?.reasonClass, 'server');
      assert.equal(gateway.snapshot().requests.collect, 5);
    });

    test('failures right after a heartbeat count too, although the worker throttles the next heartbeat', async (t) => {
      const heartbeatMs = 10_000 / 3;
      let collects = 0;
      const url = await startServer(t, (request, response) => {
        if (request.method === 'GET') return response.end('{"data":[],"nextCursor":null}');
        collects += 1;
        return setTimeout(() => response.writeHead(500).end(), heartbeatMs + 500);
      });
      const server = { ...everySecond, maximumFailures: 2 };
      const input = { url, runtimeId: 'rt_1', files: toFiles(['a']), retryTable: { server } };
      const { files } = await withPipeline(t, input, failedReport);
      assert.equal(files[0]?.reasonClass, 'server');
      assert.equal(collects, 2);
    });
  });

  describe('appearsWithin', () => {
    test('a file that appears after three seconds is collected', async (t) => {
      const gateway = await startGateway(t, { names: [] });
      const files = [{ runtimePath: 'late', appearsWithin: '30s' as const }];
      const startedMs = performance.now();
      const pipeline = withPipeline(t, { url: gateway.url, runtimeId: gateway.runtimeId, files }, (handle) =>
        handle.result(),
      );
      // The third attempt comes after delays of one and two seconds.
      await waitFor('three 404 responses', () => gateway.snapshot().responses.collect?.['404'] === 3);
      await gateway.addFile('late');
      assert.equal((await pipeline).counts.collected, 1);
      const elapsedMs = performance.now() - startedMs;
      assert.ok(elapsedMs > 3_000 && elapsedMs < 15_000, `${elapsedMs} ms`);
    });

    test('a file that never appears fails as not_found after about that time', async (t) => {
      const gateway = await startGateway(t, { names: [] });
      const files = [{ runtimePath: 'never', appearsWithin: '4s' as const }];
      const input = { url: gateway.url, runtimeId: gateway.runtimeId, files };
      const startedMs = performance.now();
      const report = await withPipeline(t, input, failedReport);
      const elapsedMs = performance.now() - startedMs;
      assert.equal(report.files[0]?.reasonClass, 'not_found');
      assert.ok(elapsedMs >= 4_000 && elapsedMs < 12_000, `${elapsedMs} ms`);
    });
  });
});

describe('with a request in flight', () => {
  test('cancelling the pipeline aborts the request, and the execution ends as cancelled', async (t) => {
    const request = { isInFlight: false, isAborted: false };
    const url = await startServer(t, (_request, response) => {
      request.isInFlight = true;
      response.on('close', () => {
        request.isAborted = true;
      });
    });
    await withPipeline(t, { url, runtimeId: 'rt_1', files: toFiles(['a']) }, async (handle) => {
      await waitFor('the request', () => request.isInFlight);
      await handle.cancel();
      await assert.rejects(handle.result(), (error) => {
        assert.ok(error instanceof WorkflowFailedError);
        return error.cause instanceof CancelledFailure;
      });
      assert.equal((await handle.describe()).status.name, 'CANCELLED');
      // The cancellation arrives with the response to the activity's next heartbeat.
      await waitFor('the request to be aborted', () => request.isAborted);
    });
  });

  /** Stops a worker with SIGTERM while its request is in flight. Returns how long it took. */
  async function stopWorker(t: TestContext, delayMs: number, env: Readonly<Record<string, string>> = {}) {
    const slow: Fault = { kind: 'delay', delayMs };
    const gateway = await startGateway(t, { faults: [{ operation: 'collect', times: 1, fault: slow }] });
    const { runtimeId, url: gatewayUrl } = gateway;
    const options = { address: address(), gatewayUrl, taskQueue: runtimeId };
    const first = await startWorkerProcess(t, { ...options, env });
    const handle = await startPipeline(runtimeId, { runtimeId, files: toFiles(['a']) });
    await waitFor('the request', () => gateway.snapshot().inFlight === 1);
    const startedMs = performance.now();
    first.child.kill('SIGTERM');
    const [code] = await once(first.child, 'exit');
    assert.equal(code, 0, first.stderr());
    const elapsedMs = performance.now() - startedMs;
    return { gateway, handle, elapsedMs, startNext: () => startWorkerProcess(t, options) };
  }

  async function assertOneFile({ gateway, handle }: Awaited<ReturnType<typeof stopWorker>>): Promise<void> {
    const { counts, files } = await handle.result();
    assert.equal(counts.collected, 1);
    const [made, ...others] = gateway.snapshot().files;
    assert.deepEqual([others, files[0]], [[], { ...files[0], fileId: made?.id }]);
  }

  test('SIGTERM lets the request end, and nobody has to look for its file', async (t) => {
    const stopped = await stopWorker(t, 3_000);
    assert.equal(stopped.gateway.snapshot().files.length, 1);
    await stopped.startNext();
    await assertOneFile(stopped);
    const { requests } = stopped.gateway.snapshot();
    assert.deepEqual([requests.collect, requests['list-files'] ?? 0], [1, 0]);
  });

  test('SIGTERM aborts the request after the grace time, and the next worker makes no second file', async (t) => {
    const stopped = await stopWorker(t, 15_000, { BCTRL_SHUTDOWN_GRACE_TIME: '1s' });
    assert.ok(stopped.elapsedMs < 8_000, `${stopped.elapsedMs} ms`);
    assert.equal(stopped.gateway.snapshot().inFlight, 1);
    await waitFor('the file', () => stopped.gateway.snapshot().files.length === 1);
    await stopped.startNext();
    await assertOneFile(stopped);
  });
});
