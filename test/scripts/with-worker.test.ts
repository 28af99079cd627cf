import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundle } from '@temporalio/worker';
import { createTimeSkippingEnv, withWorker } from '../support/temporal.js';
import type * as workflows from './with-worker-workflows.js';

describe('withWorker', () => {
  let env: TestWorkflowEnvironment;
  let workflowBundle: WorkflowBundle;
  before(async () => {
    workflowBundle = await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('with-worker-workflows.ts', import.meta.url)),
      logger: new DefaultLogger('ERROR'),
    });
    env = await createTimeSkippingEnv();
  });
  after(() => env.teardown());

  function execute(workflowType: keyof typeof workflows): Promise<unknown> {
    return withWorker(env, { workflowBundle }, (taskQueue) =>
      env.client.workflow.execute(workflowType, { taskQueue, workflowId: taskQueue }),
    );
  }

  it('skips the time in which a workflow sleeps', async () => {
    assert.equal(await execute('sleepForAYear'), 'rested');
  });

  it('fails at once when a workflow task fails, and for every test after it', {
    timeout: 30_000,
  }, async () => {
    let hasEnded = false;
    const stuck = withWorker(env, { workflowBundle }, async (taskQueue) => {
      try {
        await env.client.workflow.execute('throwTypeError', { taskQueue, workflowId: taskQueue });
      } finally {
        await sleep(100);
        hasEnded = true;
      }
    });
    await assert.rejects(stuck, /A workflow task failed: .*not a function/);
    assert.ok(hasEnded, 'its last calls have ended, so the connection can be closed');
    await assert.rejects(execute('sleepForAYear'), /earlier test is stuck/);
  });
});
