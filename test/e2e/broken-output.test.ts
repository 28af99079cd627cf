import assert from 'node:assert/strict';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { exitCodes } from '../../src/exit.js';
import { POST_RUN_PIPELINE } from '../../src/shared/names.js';
import { useDevServer } from '../support/dev-server.js';
import { startExecutable } from '../support/executable.js';
import { startTestGateway } from '../support/gateway.js';
import { startGrpcProxy } from '../support/grpc-proxy.js';
import { waitFor } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

const temporal = useDevServer();

/** Starts a pipeline that no worker has. */
async function startPipeline(workflowId: string): Promise<void> {
  const args = [{ runtimeId: 'rt_1', files: [{ runtimePath: 'a.txt' }] }];
  await temporal.client.workflow.start(POST_RUN_PIPELINE, { workflowId, taskQueue: 'none', args });
}

async function startListedPipeline(workflowId: string): Promise<void> {
  await startPipeline(workflowId);
  await waitForCount(`WorkflowId = '${workflowId}'`);
}

/** Visibility is eventually consistent. */
async function waitForCount(query: string): Promise<void> {
  await waitFor(query, async () => (await temporal.client.workflow.count(query)).count > 0);
}

async function countCancelRequests(workflowIds: readonly string[]): Promise<number> {
  let count = 0;
  for (const workflowId of workflowIds) {
    const { events } = await temporal.client.workflow.getHandle(workflowId).fetchHistory();
    count += events?.filter((event) => event.workflowExecutionCancelRequestedEventAttributes).length ?? 0;
  }
  return count;
}

/** Starts the starter with a pipe as its stdout that nobody reads. */
function startWithClosedPipe(t: TestContext, argv: readonly string[], env: Readonly<Record<string, string>>) {
  const starter = startExecutable(t, 'starter', argv, env);
  starter.child.stdout?.destroy();
  return starter;
}

test('cancel acts on all pipelines though its reader closes the pipe after the first line', async (t) => {
  const ids = ['pipe/1', 'pipe/2', 'pipe/3'];
  for (const workflowId of ids) await startPipeline(workflowId);
  const proxy = await startGrpcProxy(t, temporal.address);
  const argv = ['cancel', 'pipe/missing', ...ids, '--yes'];
  const { child, ended, stdout } = startExecutable(t, 'starter', argv, { TEMPORAL_ADDRESS: proxy.address });
  assert.ok(child.stdout);
  const closed = once(child.stdout, 'close');
  proxy.held.set('RequestCancelWorkflowExecution', () => closed);
  await waitFor('the first line', () => stdout().includes('\n'));
  child.stdout.destroy();
  const { code, stderr } = await ended;
  assert.equal(stdout(), 'refused  pipe/missing  there is no workflow with the id "pipe/missing"\n');
  assert.deepEqual([code, stderr], [exitCodes.usage, '']);
  assert.equal(await countCancelRequests(ids), ids.length);
});

test('list ends with 0 if its reader closes the pipe', async (t) => {
  await startListedPipeline('list/closed-pipe');
  const { ended } = startWithClosedPipe(t, ['list'], { TEMPORAL_ADDRESS: temporal.address });
  const { code, stderr } = await ended;
  assert.equal(code, exitCodes.done);
  assert.match(stderr, /^\d+ pipelines?: .*\n$/);
});

test('list to a full disk says so in one line and ends with 1', {
  // Other systems have no /dev/full.
  skip: process.platform !== 'linux',
}, async (t) => {
  await startListedPipeline('list/full-disk');
  const full = await open('/dev/full', 'w');
  t.after(() => full.close());
  const { ended } = startExecutable(t, 'starter', ['list'], { TEMPORAL_ADDRESS: temporal.address }, full.fd);
  const { code, stderr } = await ended;
  assert.match(
    stderr,
    /^\d+ pipelines?: .*\nbctrl-temporal: stdout: ENOSPC: no space left on device, write\n$/,
  );
  assert.equal(code, exitCodes.failed);
});

test('start --wait ends with the exit code of a failed pipeline though nobody reads stdout and stderr', async (t) => {
  const gateway = await startTestGateway(t);
  const { runtimeId } = gateway;
  await startWorkerProcess(t, { address: temporal.address, gatewayUrl: gateway.url, taskQueue: runtimeId });
  const env = { TEMPORAL_ADDRESS: temporal.address, BCTRL_TASK_QUEUE: runtimeId };
  const { child } = startWithClosedPipe(t, ['start', runtimeId, 'missing.txt', '--wait'], env);
  child.stderr?.destroy();
  const [code] = await once(child, 'exit');
  assert.equal(code, exitCodes.failed);
  await waitForCount(`TaskQueue = '${runtimeId}' AND ExecutionStatus = 'Failed'`);
});
