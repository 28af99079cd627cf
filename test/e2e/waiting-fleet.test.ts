import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { POST_RUN_PIPELINE } from '../../src/shared/names.js';
import type { PipelineInput } from '../../src/shared/pipeline-input.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import { readReport } from '../../src/shared/read-failure.js';
import { useDevServer } from '../support/dev-server.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

/** More than the worker has activity slots, and more than the API is asked to hold. */
const FLEET = 600;

const HOUR_MS = 3_600_000;

const temporal = useDevServer();

type Pipeline = WorkflowHandle<() => Promise<PipelineReport>>;

async function startPipeline(taskQueue: string, input: PipelineInput): Promise<Pipeline> {
  const workflowId = crypto.randomUUID();
  return await temporal.client.workflow.start(POST_RUN_PIPELINE, { taskQueue, workflowId, args: [input] });
}

async function startWaiting(
  { runtimeId, createInvocation }: TestGateway,
  durationMs: number,
): Promise<Pipeline> {
  const { id } = await createInvocation({ runtimeId, durationMs });
  const files = [{ runtimePath: 'a.txt', ifExists: 'keep' as const }];
  return await startPipeline(runtimeId, { runtimeId, files, waitFor: { invocationIds: [id] } });
}

async function start(t: TestContext) {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a.txt');
  const startWorker = () =>
    startWorkerProcess(t, {
      address: temporal.address,
      gatewayUrl: gateway.url,
      taskQueue: gateway.runtimeId,
    });
  return { gateway, startWorker, worker: await startWorker() };
}

async function getWait(pipeline: Pipeline) {
  const { raw } = await pipeline.describe();
  return raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'waitForInvocation');
}

describe('a fleet that waits for jobs', () => {
  test(`${FLEET} waiting pipelines delay neither another pipeline nor the end of a job`, async (t) => {
    const { gateway } = await start(t);
    const { runtimeId } = gateway;
    const waiting = await Promise.all(Array.from({ length: FLEET }, () => startWaiting(gateway, HOUR_MS)));
    for (const pipeline of waiting) {
      await waitFor('the wait', async () => (await getWait(pipeline))?.lastStartedTime);
    }

    const startedMs = performance.now();
    const quick = await startPipeline(runtimeId, { runtimeId, files: [{ runtimePath: 'a.txt' }] });
    assert.equal((await quick.result()).counts.collected, 1);
    const quickMs = performance.now() - startedMs;
    t.diagnostic(`a pipeline without a wait took ${Math.round(quickMs)} ms`);
    assert.ok(quickMs < 5_000);

    const endMs = performance.now() + 5_000;
    const last = await startWaiting(gateway, 5_000);
    assert.equal((await last.result()).counts.kept, 1);
    const lateMs = performance.now() - endMs;
    t.diagnostic(`the end of a job was noticed after ${Math.round(lateMs)} ms`);
    assert.ok(lateMs < 8_000);
    await Promise.all(waiting.map((pipeline) => pipeline.terminate()));
  });

  test('a cancelled wait ends at once, and no request is sent for it after the next heartbeat', async (t) => {
    const { gateway } = await start(t);
    const pipeline = await startWaiting(gateway, HOUR_MS);
    await waitFor('the poll', () => gateway.snapshot().requests.wait === 1);
    await pipeline.cancel();
    await assert.rejects(pipeline.result(), /cancelled/);
  });

  test('a worker that stops gives its waits to another one, which notices the end of the job at once', async (t) => {
    const { gateway, worker, startWorker } = await start(t);
    const pipeline = await startWaiting(gateway, 12_000);
    await waitFor('the poll', () => gateway.snapshot().requests.wait === 1);
    await startWorker();
    worker.child.kill('SIGTERM');
    assert.equal((await worker.ended).code, 0);
    await waitFor('the second attempt', async () => (await getWait(pipeline))?.attempt === 2);
    const { jobs, counts } = await pipeline.result();
    assert.deepEqual([jobs[0]?.status, counts.collected], ['succeeded', 1]);
  });

  test('a refusal without an activity slot is the problem of the job, with its class', async (t) => {
    const { gateway } = await start(t);
    gateway.setFaults([{ operation: 'wait', fault: { kind: 'respond', status: 403 } }]);
    const pipeline = await startWaiting(gateway, HOUR_MS);
    const failure = await pipeline.result().catch((error: unknown) => error);
    assert.equal(readReport(failure)?.jobs[0]?.problem?.reasonClass, 'capability_denied');
  });
});
