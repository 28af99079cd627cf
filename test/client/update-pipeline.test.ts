import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  Client,
  type WorkflowClientInterceptor,
  type WorkflowStartUpdateInput,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import {
  getPipelineHandle,
  type PipelineHandle,
  type StartedPipeline,
  startPipeline,
} from '../../src/client.js';
import { createTestActivities } from '../support/activities.js';
import { useDevServerEnv } from '../support/dev-server.js';
import { startTestGateway } from '../support/gateway.js';
import { withWorker } from '../support/temporal.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';

/** So low that a pipeline continues as new after every few files. */
const SUGGEST_CONTINUE_AS_NEW_EVENTS = 20;

const getEnv = useDevServerEnv({
  dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': String(SUGGEST_CONTINUE_AS_NEW_EVENTS) },
});

test('an update whose run ends is sent to the next run under the same id', async () => {
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../e2e/update-workflows.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
  const sent: WorkflowStartUpdateInput[] = [];
  const client = new Client({
    connection: getEnv().connection,
    interceptors: {
      workflow: [
        {
          startUpdate(input, next) {
            sent.push(input);
            return next(input);
          },
        },
      ],
    },
  });
  await withWorker(getEnv(), { workflowBundle }, async (taskQueue) => {
    const workflowId = randomUUID();
    await client.workflow.start('postRunPipeline', { taskQueue, workflowId });
    const pipeline = getPipelineHandle(client, workflowId);
    assert.deepEqual(await pipeline.addFiles({ files: [{ runtimePath: 'a.txt' }] }), { added: 1, known: 0 });
    await pipeline.workflowHandle.result();
  });
  assert.equal(new Set(sent.map(({ options }) => options.updateId)).size, 1);
  const runs = sent.map(({ workflowExecution }) => workflowExecution.runId);
  assert.equal(new Set(runs).size, 2);
  assert.ok(!runs.includes(undefined));
});

/** Runs a pipeline of 30 files, which continues as new several times. It stays open, as one file is missing until after `use`. */
async function runContinuing(
  t: TestContext,
  lateFiles: readonly string[],
  use: (pipeline: StartedPipeline) => Promise<void>,
): Promise<void> {
  const gateway = await startTestGateway(t);
  const { runtimeId } = gateway;
  const paths = Array.from({ length: 30 }, (_, index) => `${index}.txt`);
  const [missing = '', ...present] = paths;
  for (const path of [...present, ...lateFiles]) await gateway.addFile(path);
  const activities = createTestActivities(t, gateway.url);
  await withWorker(getEnv(), { activities }, async (taskQueue) => {
    const files = paths.map((runtimePath) => ({ runtimePath }));
    const input = { runtimeId, files, batchSize: 1, concurrency: 1, onFailure: 'hold' as const };
    const pipeline = await startPipeline(getEnv().client, input, { taskQueue });
    await use(pipeline);
    await waitForPhase(pipeline.workflowHandle, 'held');
    await gateway.addFile(missing);
    await pipeline.resume();
    const { outcome, counts } = await pipeline.result();
    assert.deepEqual([outcome, counts.collected], ['succeeded', paths.length + lateFiles.length]);
  });
}

const getRunId = async (pipeline: PipelineHandle) => (await pipeline.workflowHandle.describe()).runId;

test('a pipeline that continues as new takes every update once', async (t) => {
  const late = Array.from({ length: 10 }, (_, index) => `late/${index}.txt`);
  await runContinuing(t, late, async (pipeline) => {
    const runId = await getRunId(pipeline);
    for (const runtimePath of late) {
      assert.deepEqual(await pipeline.addFiles({ files: [{ runtimePath }] }), { added: 1, known: 0 });
    }
    await waitFor('a later run', async () => (await getRunId(pipeline)) !== runId);
  });
});

test('an update that was applied before its run continued as new is not applied again', async (t) => {
  await runContinuing(t, ['late.txt'], async (pipeline) => {
    const runIds: (string | undefined)[] = [];
    const loseFirstResponse: WorkflowClientInterceptor = {
      async startUpdate(input, next) {
        const { runId } = input.workflowExecution;
        runIds.push(runId);
        const output = await next(input);
        if (runIds.length > 1) return output;
        await waitFor('the next run', async () => (await getRunId(pipeline)) !== runId);
        throw new WorkflowUpdateRPCTimeoutOrCancelledError('lost');
      },
    };
    const { connection } = getEnv();
    const client = new Client({ connection, interceptors: { workflow: [loseFirstResponse] } });
    const { addFiles } = getPipelineHandle(client, pipeline.workflowId);
    assert.deepEqual(await addFiles({ files: [{ runtimePath: 'late.txt' }] }), { added: 1, known: 0 });
    assert.equal(runIds.length, 2);
    assert.equal(runIds[0], runIds[1], 'its run is asked for the outcome');
  });
});
