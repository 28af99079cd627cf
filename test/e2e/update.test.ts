import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundle } from '@temporalio/worker';
import { exitCodes } from '../../src/exit.js';
import { useDevServer } from '../support/dev-server.js';
import { type RunningProcess, startExecutable } from '../support/executable.js';
import { startTestGateway } from '../support/gateway.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { connectToDevServer, withWorker } from '../support/temporal.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';
import { appliedQuery, type postRunPipeline, releaseSignal } from './update-workflows.js';

const temporal = useDevServer();

interface Steered {
  readonly handle: WorkflowHandle<typeof postRunPipeline>;
  readonly proxy: TcpProxy;
  /** Runs a command through the proxy. */
  readonly spawn: (...argv: string[]) => RunningProcess;
}

describe('an update without a response', () => {
  let env: TestWorkflowEnvironment;
  let workflowBundle: WorkflowBundle;
  before(async () => {
    workflowBundle = await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('update-workflows.ts', import.meta.url)),
      logger: new DefaultLogger('ERROR'),
    });
    env = await connectToDevServer(temporal.address);
  });
  after(() => env.teardown());

  async function steer(t: TestContext, use: (steered: Steered) => Promise<void>): Promise<void> {
    const proxy = await startTcpProxy(t, temporal.address);
    await withWorker(env, { workflowBundle }, async (taskQueue) => {
      const options = { taskQueue, workflowId: randomUUID() };
      const handle = await env.client.workflow.start<typeof postRunPipeline>('postRunPipeline', options);
      const variables = { TEMPORAL_ADDRESS: proxy.address, BCTRL_TASK_QUEUE: taskQueue };
      await use({ handle, proxy, spawn: (...argv) => startExecutable(t, 'starter', argv, variables) });
    });
  }

  async function waitUntilApplied(handle: Steered['handle']): Promise<void> {
    await waitFor('the update', () => handle.query(appliedQuery));
  }

  test('is sent to the next run when its own run ends', async (t) => {
    await steer(t, async ({ handle, spawn }) => {
      const { code, stdout } = await spawn('add-files', handle.workflowId, 'a.txt').ended;
      assert.deepEqual([code, stdout], [exitCodes.done, `added  ${handle.workflowId}  1 file\n`]);
      await handle.result();
    });
  });

  test('is polled again after a reconnect, and applied once', async (t) => {
    await steer(t, async ({ handle, proxy, spawn }) => {
      const resume = spawn('resume', handle.workflowId);
      await waitUntilApplied(handle);
      await proxy.cut();
      await handle.signal(releaseSignal);
      await proxy.restore();
      const { code, stdout } = await resume.ended;
      assert.deepEqual([code, stdout], [exitCodes.done, `resumed  ${handle.workflowId}  1 file\n`]);
      assert.equal(await handle.query(appliedQuery), 1);
    });
  });

  test('has an unknown outcome if Temporal stays away', async (t) => {
    await steer(t, async ({ handle, proxy, spawn }) => {
      const resume = spawn('resume', handle.workflowId, '--json');
      await waitUntilApplied(handle);
      await proxy.cut();
      const { code, stdout } = await resume.ended;
      assert.equal(code, exitCodes.unreachable);
      const [{ outcome, message }] = JSON.parse(stdout).pipelines;
      assert.equal(outcome, 'unknown');
      assert.match(
        message,
        /^Temporal at \S+ is not reachable \(.*\); the update may have been applied, see bctrl-temporal /,
      );
    });
  });
});

test('another worker completes the update of a worker that died', async (t) => {
  const fault = { kind: 'respond', status: 403 } as const;
  const gateway = await startTestGateway(t, { faults: [{ operation: 'collect', fault }] });
  const { runtimeId: taskQueue, url: gatewayUrl } = gateway;
  const { address, client } = temporal;
  const worker = await startWorkerProcess(t, { address, gatewayUrl, taskQueue });
  const starter = (...argv: string[]) =>
    startExecutable(t, 'starter', argv, { TEMPORAL_ADDRESS: address, BCTRL_TASK_QUEUE: taskQueue }).ended;
  const started = await starter('start', taskQueue, 'a.txt', '--on-failure', 'hold');
  const workflowId = started.stdout.trim();
  const handle = client.workflow.getHandle(workflowId);
  await waitForPhase(handle, 'held');
  // The server first keeps the task in the sticky task queue of the dead worker.
  worker.child.kill('SIGKILL');
  await startWorkerProcess(t, { address, gatewayUrl, taskQueue });
  const { code, stdout } = await starter('abandon', workflowId);
  assert.deepEqual([code, stdout], [exitCodes.done, `abandoned  ${workflowId}  1 file left uncollected\n`]);
});
