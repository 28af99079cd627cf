import assert from 'node:assert/strict';
import { cp, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { startDevServer } from '../../scripts/dev-server.js';
import { exitCodes } from '../../src/exit.js';
import { useDevServer } from '../support/dev-server.js';
import { createTestFolder, startTestGateway } from '../support/gateway.js';
import { startGrpcProxy } from '../support/grpc-proxy.js';
import { devServerExecutable } from '../support/temporal.js';
import { waitFor } from '../support/wait-for.js';
import { DIST, startBuiltWorker } from './start-built-worker.js';

/** The grace time of the test's workers: nothing is in flight that would need it. */
const GRACE_TIME = '2s';

/** The worker's bound of 8 seconds, the grace time, and the delays of a busy machine. */
const BOUND_MS = 20_000;

/** The worker has its task and computes. */
const ACTIVATION_MS = 1_500;

/** More than the 5 s that the SDK gives an activation. */
const SDK_LIMIT_MS = 6_000;

const STOPPED_BY_ITSELF = 'the worker stopped by itself; its log says why';

const temporal = useDevServer();

async function startWorker(t: TestContext, { address = temporal.address, dist = DIST } = {}) {
  const gateway = await startTestGateway(t);
  const taskQueue = gateway.runtimeId;
  const env = { BCTRL_SHUTDOWN_GRACE_TIME: GRACE_TIME };
  const worker = await startBuiltWorker(t, { address, gatewayUrl: gateway.url, taskQueue, dist, env });
  await worker.waitForHealth('/readyz', 200);
  return { ...worker, taskQueue };
}

describe('a worker', { concurrency: 3 }, () => {
  let code: string;
  before(async () => {
    const workflowsPath = fileURLToPath(new URL('./test-workflows.ts', import.meta.url));
    ({ code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') }));
  });

  /** Copies the built package and replaces its workflows. */
  async function createDist(t: TestContext): Promise<string> {
    const folder = await createTestFolder(t);
    const repository = join(DIST, '..');
    await cp(DIST, join(folder, 'dist'), { recursive: true });
    for (const name of ['package.json', 'node_modules']) {
      await symlink(join(repository, name), join(folder, name));
    }
    await writeFile(join(folder, 'dist/workflow-bundle.js'), code);
    return join(folder, 'dist');
  }

  async function startStuckWorker(t: TestContext, workflowType: string) {
    const worker = await startWorker(t, { dist: await createDist(t) });
    const { taskQueue } = worker;
    await temporal.client.workflow.start(workflowType, { taskQueue, workflowId: taskQueue });
    const { body } = await worker.waitForHealth('/livez', 503);
    assert.deepEqual(body.problems, ['the worker stopped by itself: DRAINING']);
    return worker;
  }

  for (const workflowType of ['failWithLoneSurrogate', 'startChildWithLoneSurrogate']) {
    test(`that stops by itself after ${workflowType} fails its liveness check and exits with 1`, async (t) => {
      const worker = await startStuckWorker(t, workflowType);
      const startedMs = performance.now();
      const { end, stderr } = await worker.ended;
      assert.equal(end, 1);
      assert.ok(performance.now() - startedMs < BOUND_MS);
      assert.equal(lastLine(stderr), `bctrl-temporal-worker: ${STOPPED_BY_ITSELF}`);
    });
  }

  test('that stopped by itself exits with 1 at once on SIGTERM', async (t) => {
    const worker = await startStuckWorker(t, 'failWithLoneSurrogate');
    worker.child.kill('SIGTERM');
    const { end, stderr } = await worker.ended;
    assert.equal(end, 1);
    assert.equal(lastLine(stderr), `bctrl-temporal-worker: ${STOPPED_BY_ITSELF}`);
  });

  test('exits with 1 and a message on SIGTERM while Temporal does not respond', async (t) => {
    const server = await startDevServer({ executable: devServerExecutable() });
    t.after(async () => {
      process.kill(server.pid, 'SIGCONT');
      await server.close();
    });
    const worker = await startWorker(t, { address: server.address });
    process.kill(server.pid, 'SIGSTOP');
    await worker.waitForHealth('/readyz', 503);
    const startedMs = performance.now();
    worker.child.kill('SIGTERM');
    const { end, stderr } = await worker.ended;
    assert.equal(end, 1);
    assert.ok(performance.now() - startedMs < BOUND_MS);
    assert.equal(
      lastLine(stderr),
      'bctrl-temporal-worker: the worker did not stop within 10 s and was stopped by force',
    );
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`exits with 0 and without a message on ${signal}`, async (t) => {
      const worker = await startWorker(t);
      worker.child.kill(signal);
      const { end, stderr } = await worker.ended;
      assert.equal(end, 0);
      assert.doesNotMatch(stderr, /^bctrl-temporal-worker:/m);
    });
  }

  test('goes on after it was frozen in the middle of a workflow', async (t) => {
    const { taskQueue, child } = await startWorker(t, { dist: await createDist(t) });
    const options = { taskQueue, workflowId: taskQueue, workflowTaskTimeout: '1m' } as const;
    const handle = await temporal.client.workflow.start('computeForLong', options);
    await waitFor('the activation', async () =>
      (await handle.fetchHistory()).events?.some((event) => event.workflowTaskStartedEventAttributes),
    );
    await sleep(ACTIVATION_MS);
    child.kill('SIGSTOP');
    const frozen = await handle.fetchHistory();
    await sleep(SDK_LIMIT_MS);
    child.kill('SIGCONT');
    assert.equal(await handle.result(), 'computed number');
    assert.ok(
      !frozen.events?.some((event) => event.workflowTaskCompletedEventAttributes),
      'it still computed',
    );
    const { events = [] } = await handle.fetchHistory();
    assert.deepEqual(
      events?.filter((event) => event.workflowTaskFailedEventAttributes),
      [],
    );
    assert.equal(child.exitCode, null);
  });

  for (const [code, line, refusal] of [
    [exitCodes.unreachable, 'is not reachable (it is away)', { status: 14, message: 'it is away' }],
    [exitCodes.usage, 'refuses this worker (not for you)', { status: 7, message: 'not for you' }],
  ] as const) {
    test(`exits with ${code} and one line if Temporal ${line} while it starts`, async (t) => {
      const [gateway, proxy] = await Promise.all([startTestGateway(t), startGrpcProxy(t, temporal.address)]);
      proxy.refused.set('DescribeNamespace', refusal);
      const { address } = proxy;
      const worker = await startBuiltWorker(t, { address, gatewayUrl: gateway.url, taskQueue: 'any' });
      const { end, stderr } = await worker.ended;
      assert.equal(end, code);
      assert.equal(lastLine(stderr), `bctrl-temporal-worker: Temporal at ${address} ${line}`);
    });
  }

  test('exits with 0 on SIGTERM while it starts', async (t) => {
    const fault = { kind: 'delay', delayMs: 3_600_000 } as const;
    const gateway = await startTestGateway(t, { faults: [{ operation: 'whoami', fault }] });
    const { address } = temporal;
    const worker = await startBuiltWorker(t, { address, gatewayUrl: gateway.url, taskQueue: 'any' });
    await waitFor('a request in flight', () => gateway.snapshot().inFlight > 0);
    worker.child.kill('SIGTERM');
    assert.equal((await worker.ended).end, 0);
  });
});

function lastLine(text: string): string | undefined {
  return text.trimEnd().split('\n').at(-1);
}
