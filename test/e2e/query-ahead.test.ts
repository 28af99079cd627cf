import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowFailedError, WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import { ABANDON_UPDATE, POST_RUN_PIPELINE, PROGRESS_QUERY } from '../../src/shared/names.js';
import type { PipelineProgress } from '../../src/shared/pipeline-report.js';
import { useDevServer } from '../support/dev-server.js';
import { startGrpcProxy } from '../support/grpc-proxy.js';
import { createGate } from '../support/pipeline.js';
import { workflowBundle } from '../support/temporal.js';

/** The server hands out the query or the workflow task first, by chance. */
const TRIES = 12;

const temporal = useDevServer();

test('an update is refused in the workflow task whose events a query had carried out', {
  timeout: 300_000,
}, async (t) => {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    if (await queryAndAbandon()) return;
  }
  assert.fail(`the query never came first, in ${TRIES} tries`);

  /** Resolves to `false` if the workflow task came first. */
  async function queryAndAbandon(): Promise<boolean> {
    const taskQueue = randomUUID();
    const collect = createGate();
    const failure = createGate();
    const direct = await NativeConnection.connect({ address: temporal.address });
    const activityWorker = await Worker.create({
      connection: direct,
      taskQueue,
      activities: {
        async collectRuntimeFile() {
          collect.open();
          await failure.pass();
          throw ApplicationFailure.nonRetryable('a.txt', 'not_found', { reasonClass: 'not_found' });
        },
      },
    });
    const collecting = activityWorker.run();
    const first = await Worker.create({ connection: direct, taskQueue, workflowBundle: workflowBundle() });
    const input = { runtimeId: 'rt_1', files: [{ runtimePath: 'a.txt' }], onFailure: 'hold' };
    const handle = await temporal.client.workflow.start(POST_RUN_PIPELINE, {
      taskQueue,
      workflowId: taskQueue,
      args: [input],
    });
    await first.runUntil(collect.opened);

    // Nobody is there to answer it when the activity ends.
    const query = temporal.client.withDeadline(Date.now() + 20_000, () =>
      handle.query<PipelineProgress>(PROGRESS_QUERY),
    );
    query.catch(() => {});
    await sleep(1_000);
    failure.open();
    activityWorker.shutdown();
    await collecting;

    const proxy = await startGrpcProxy(t, temporal.address);
    const others = createGate();
    let polls = 0;
    proxy.held.set('PollWorkflowTaskQueue', () => {
      polls += 1;
      return polls === 1 ? undefined : others.opened;
    });
    const proxied = await NativeConnection.connect({ address: proxy.address });
    const second = await Worker.create({ connection: proxied, taskQueue, workflowBundle: workflowBundle() });
    return await second.runUntil(async () => {
      try {
        const progress = await Promise.race([query, sleep(5_000, undefined)]);
        if (progress?.phase !== 'held') return false;
        const early = handle.executeUpdate(ABANDON_UPDATE);
        early.catch(() => {});
        await sleep(1_000);
        others.open();
        await assert.rejects(early, (error) => {
          assert.ok(error instanceof WorkflowUpdateFailedError);
          assert.match(String(error.cause), /the pipeline is about to go on; send the update again/);
          return true;
        });
        await handle.executeUpdate(ABANDON_UPDATE);
        await assert.rejects(handle.result(), WorkflowFailedError);
        await Worker.runReplayHistory({ workflowBundle: workflowBundle() }, await handle.fetchHistory());
        return true;
      } finally {
        others.open();
        // A call that is still open when the connection closes would be an error that nobody can catch.
        await query.catch(() => {});
        await handle.terminate().catch(() => {});
      }
    });
  }
});
