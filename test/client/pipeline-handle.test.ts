import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import {
  Client,
  Connection,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import {
  getPipelineHandle,
  type PipelineHandle,
  type PipelinePhase,
  type PipelineProgress,
  type PipelineWithoutWait,
  type PipelineWithWait,
  type StartedPipeline,
  startPipeline,
} from '../../src/client.js';
import { createTestActivities } from '../support/activities.js';
import { useDevServerEnv } from '../support/dev-server.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { withWorker } from '../support/temporal.js';
import { waitFor } from '../support/wait-for.js';

const getEnv = useDevServerEnv();

const toFiles = (...paths: string[]) => paths.map((runtimePath) => ({ runtimePath }));

interface Running {
  readonly gateway: TestGateway;
  readonly pipeline: StartedPipeline;
  readonly taskQueue: string;
}

/** Runs a pipeline of a runtime that has three files, of which the gateway refuses `refused.txt`. */
async function runPipeline(
  t: TestContext,
  input: Omit<PipelineWithoutWait, 'runtimeId'> | Omit<PipelineWithWait, 'runtimeId'>,
  use: (running: Running) => Promise<void>,
): Promise<void> {
  const gateway = await startTestGateway(t, {
    faults: [{ operation: 'collect', runtimePath: 'refused.txt', fault: { kind: 'respond', status: 403 } }],
  });
  for (const path of ['a.txt', 'b.txt', 'refused.txt']) await gateway.addFile(path);
  const activities = createTestActivities(t, gateway.url);
  await withWorker(getEnv(), { activities }, async (taskQueue) => {
    const { runtimeId } = gateway;
    const pipeline = await startPipeline(getEnv().client, { ...input, runtimeId }, { taskQueue });
    await use({ gateway, pipeline, taskQueue });
  });
}

async function waitUntil(pipeline: PipelineHandle, phase: PipelinePhase): Promise<PipelineProgress> {
  return await waitFor(`a pipeline that is ${phase}`, async () => {
    const progress = await pipeline.progress();
    return progress.phase === phase && progress;
  });
}

/** Checks that an error is the refusal of an update by the pipeline. */
const isRefusal = (message: string) => (error: unknown) => {
  assert.ok(error instanceof WorkflowUpdateFailedError, String(error));
  assert.equal(error.message, message);
  assert.ok(error.cause instanceof ApplicationFailure);
  assert.equal(error.cause.type, 'conflict');
  return true;
};

describe('a handle', () => {
  test('adds files to a held pipeline, resumes it and gets its report', async (t) => {
    const input = { files: toFiles('a.txt', 'refused.txt'), onFailure: 'hold' } as const;
    await runPipeline(t, input, async ({ gateway, pipeline }) => {
      const { counts } = await waitUntil(pipeline, 'held');
      assert.deepEqual([counts.collected, counts.failed], [1, 1]);
      const added = await pipeline.addFiles({ files: toFiles('a.txt', 'b.txt') });
      assert.deepEqual(added, { added: 1, known: 1 });
      await assert.rejects(
        pipeline.resume({ runtimePaths: ['a.txt'] }),
        isRefusal('"a.txt" is not among the failed files'),
      );
      gateway.setFaults([]);
      assert.deepEqual(await pipeline.resume({ runtimePaths: ['refused.txt'] }), { files: 1, jobs: 0 });
      const report = await pipeline.result();
      assert.deepEqual([report.outcome, report.counts.collected], ['succeeded', 3]);
      assert.equal(gateway.snapshot().files.length, 3);
    });
  });

  test('abandons a held pipeline, and its rerun collects what is left', async (t) => {
    const input = { files: toFiles('a.txt', 'refused.txt'), onFailure: 'hold' } as const;
    await runPipeline(t, input, async ({ gateway, pipeline, taskQueue }) => {
      await waitUntil(pipeline, 'held');
      assert.deepEqual(await pipeline.abandon(), { files: 1 });
      await assert.rejects(pipeline.result(), (error) => {
        assert.ok(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure);
        assert.equal(error.cause.type, 'PipelineFailed');
        return true;
      });

      gateway.setFaults([]);
      const { workflowId } = pipeline;
      const rest = await pipeline.rerunInput();
      assert.deepEqual(rest?.files, toFiles('refused.txt'));
      const rerun = await startPipeline(getEnv().client, rest, { workflowId, taskQueue, again: 'if-failed' });
      assert.equal(rerun.isNew, true);
      const report = await rerun.result();
      assert.deepEqual([report.outcome, report.counts.collected], ['succeeded', 1]);
      assert.equal(await rerun.rerunInput(), undefined, 'nothing is left');
      assert.equal(gateway.snapshot().files.length, 2);
    });
  });

  for (const [job, outcome] of [
    [undefined, { id: 'jobFinished', status: 'succeeded' }],
    [{ status: 'failed' }, { id: 'jobFinished', status: 'failed' }],
  ] as const) {
    test(`tells a pipeline that its job has ${outcome.status}`, async (t) => {
      await runPipeline(t, { waitFor: { signal: true }, files: toFiles('a.txt') }, async ({ pipeline }) => {
        assert.equal((await waitUntil(pipeline, 'waiting')).waitingForSignal, true);
        await pipeline.jobFinished(job);
        const { jobs, counts } = await pipeline.result();
        assert.deepEqual([jobs, counts.collected], [[outcome], 1]);
      });
    });
  }

  test('of an ended pipeline answers queries, and rejects updates', async (t) => {
    await runPipeline(t, { files: toFiles('a.txt') }, async ({ pipeline }) => {
      await pipeline.result();
      assert.equal((await pipeline.progress()).phase, 'done');
      await assert.rejects(pipeline.resume(), WorkflowNotFoundError);
      await assert.rejects(pipeline.abandon(), WorkflowNotFoundError);
      await assert.rejects(pipeline.addFiles({ files: toFiles('b.txt') }), WorkflowNotFoundError);
    });
  });

  test('rejects an update that the pipeline refuses with the pipeline’s message', async (t) => {
    await runPipeline(t, { waitFor: { signal: true }, files: toFiles('a.txt') }, async ({ pipeline }) => {
      await waitUntil(pipeline, 'waiting');
      await assert.rejects(pipeline.resume(), isRefusal('the pipeline is not held (phase: waiting)'));
      await assert.rejects(pipeline.abandon(), isRefusal('the pipeline is not held (phase: waiting)'));
      await pipeline.jobFinished();
      await pipeline.result();
    });
  });

  test('says of an update without a worker that its outcome is unknown', async () => {
    const { client } = getEnv();
    const input = { runtimeId: randomUUID(), files: toFiles('a.txt') };
    const pipeline = await startPipeline(client, input, { taskQueue: randomUUID() });
    const update = client.withDeadline(Date.now() + 1_000, () => pipeline.resume());
    await assert.rejects(update, WorkflowUpdateRPCTimeoutOrCancelledError);
  });
});

const calls: Record<string, (pipeline: PipelineHandle) => Promise<unknown>> = {
  result: (pipeline) => pipeline.result(),
  progress: (pipeline) => pipeline.progress(),
  addFiles: (pipeline) => pipeline.addFiles({ files: toFiles('a.txt') }),
  resume: (pipeline) => pipeline.resume(),
  abandon: (pipeline) => pipeline.abandon(),
  jobFinished: (pipeline) => pipeline.jobFinished(),
  rerunInput: (pipeline) => pipeline.rerunInput(),
};

for (const [name, call] of Object.entries(calls)) {
  test(`${name}() of a pipeline that does not exist rejects with WorkflowNotFoundError`, async () => {
    await assert.rejects(call(getPipelineHandle(getEnv().client, randomUUID())), WorkflowNotFoundError);
  });
}

for (const [name, message, call] of [
  ['addFiles', 'files', (pipeline) => pipeline.addFiles({ files: [] })],
  ['resume', 'runtimePaths', (pipeline) => pipeline.resume({ runtimePaths: [] })],
  // @ts-expect-error: the API says how the job ended
  ['jobFinished', 'expected', (pipeline) => pipeline.jobFinished({ invocationId: 'i', status: 'failed' })],
] as const satisfies [string, string, (pipeline: PipelineHandle) => Promise<unknown>][]) {
  test(`${name}() refuses a wrong argument before anything is sent`, async (t) => {
    const connection = Connection.lazy({ address: '127.0.0.1:1' });
    t.after(() => connection.close());
    await assert.rejects(call(getPipelineHandle(new Client({ connection }), 'any')), (error) => {
      assert.ok(error instanceof ApplicationFailure);
      assert.equal(error.type, 'invalid_input');
      assert.ok(error.message.startsWith(message), error.message);
      return true;
    });
  });
}
