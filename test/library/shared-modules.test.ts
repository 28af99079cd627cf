import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { BctrlClient, BctrlPlugin } from 'bctrl-temporal';
import { API_KEY } from '../support/gateway.js';
import { createTimeSkippingEnv, withWorker } from '../support/temporal.js';

let env: TestWorkflowEnvironment;
before(async () => {
  env = await createTimeSkippingEnv();
});
after(() => env.teardown());

/** The results of two executions, which one worker has in its cache at the same time. */
async function lookAroundTwice(workflows: URL): Promise<unknown[]> {
  const client = new BctrlClient({ apiKey: API_KEY, baseUrl: 'http://127.0.0.1:9' });
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(workflows),
    plugins: [new BctrlPlugin({ client })],
    logger: new DefaultLogger('ERROR'),
  });
  await client.close();
  return await withWorker(env, { workflowBundle }, async (taskQueue) => {
    const run = () => env.client.workflow.execute('lookAround', { taskQueue, workflowId: randomUUID() });
    return [await run(), await run()];
  });
}

test('executions share the modules of this package, and nothing of the user’s', async () => {
  const seen = {
    runs: 1,
    message: 'Invalid input: expected string, received number',
    isPackageShared: true,
  };
  const workflows = new URL('./shared-workflows.ts', import.meta.url);
  assert.deepEqual(await lookAroundTwice(workflows), [seen, seen]);
});

test('executions of CommonJS workflows share the modules of this package', async () => {
  const seen = { isPackageShared: true };
  const workflows = new URL('./shared-workflows.cjs', import.meta.url);
  assert.deepEqual(await lookAroundTwice(workflows), [seen, seen]);
});
