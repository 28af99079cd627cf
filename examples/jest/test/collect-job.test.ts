import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { MockActivityEnvironment, TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, Worker, type WorkerOptions, type WorkflowBundle } from '@temporalio/worker';
import { type BctrlActivities, BctrlClient, BctrlPlugin, createActivities } from 'bctrl-temporal';
import { apiFailure, type Gateway, startGateway } from 'bctrl-temporal/testing';
import { readFailure } from 'bctrl-temporal/workflow';
import type { collectJob } from '../src/workflows';

let env: TestWorkflowEnvironment;
let workflowBundle: WorkflowBundle;
beforeAll(async () => {
  env = await TestWorkflowEnvironment.createTimeSkipping();
  workflowBundle = await bundleWorkflowCode({ workflowsPath: require.resolve('../src/workflows') });
});
afterAll(() => env?.teardown());

let gateway: Gateway;
let client: BctrlClient;
beforeEach(async () => {
  gateway = await startGateway();
  client = new BctrlClient({ apiKey: gateway.apiKey, baseUrl: gateway.url });
});
afterEach(() => Promise.all([client.close(), gateway.close()]));

async function runCollectJob(
  options: Pick<WorkerOptions, 'activities' | 'plugins'>,
  runtimeId: string,
  invocationId: string,
) {
  const taskQueue = randomUUID();
  const connection = env.nativeConnection;
  const worker = await Worker.create({ connection, taskQueue, workflowBundle, ...options });
  return await worker.runUntil(
    env.client.workflow.execute<typeof collectJob>('collectJob', {
      taskQueue,
      workflowId: randomUUID(),
      args: [runtimeId, invocationId],
    }),
  );
}

const waitForInvocation: BctrlActivities['waitForInvocation'] = async ({ invocationId }) => ({
  id: invocationId,
  status: 'succeeded',
});

test('a missing log is no failure', async () => {
  const activities: Partial<BctrlActivities> = {
    waitForInvocation,
    async collectRuntimeFile({ runtimePath }) {
      if (runtimePath === 'results.csv') return { id: 'file_1' };
      throw apiFailure('not_found', { status: 404, code: 'file.not_found' });
    },
  };
  expect(await runCollectJob({ activities }, 'rt_1', 'inv_1')).toEqual({ results: 'file_1' });
});

test('a rate limit of an hour is waited for, in virtual time', async () => {
  const attempts: number[] = [];
  const activities: Partial<BctrlActivities> = {
    waitForInvocation,
    async collectRuntimeFile({ runtimePath }) {
      if (runtimePath === 'agent.log') return { id: 'file_2' };
      attempts.push(await env.currentTimeMs());
      if (attempts.length === 1) throw apiFailure('rate_limited', { status: 429, retryAfter: '1h' });
      return { id: 'file_1' };
    },
  };
  const files = await runCollectJob({ activities }, 'rt_1', 'inv_1');
  expect(files).toEqual({ results: 'file_1', log: 'file_2' });
  const [first = 0, second = 0] = attempts;
  expect(second - first).toBeGreaterThanOrEqual(3_600_000);
});

test('a refused key fails the workflow at once', async () => {
  const activities: Partial<BctrlActivities> = {
    async waitForInvocation() {
      throw apiFailure('unauthorized', { status: 401, code: 'api_key.expired' });
    },
  };
  const error = await runCollectJob({ activities }, 'rt_1', 'inv_1').catch((thrown: unknown) => thrown);
  expect(readFailure(error)).toMatchObject({ reasonClass: 'unauthorized', code: 'api_key.expired' });
});

test('the real activities store each file once, although a response is lost', async () => {
  gateway.setFaults([
    { operation: 'collect', runtimePath: 'agent.log', times: 2, fault: { kind: 'respond', status: 503 } },
    { operation: 'collect', runtimePath: 'results.csv', times: 1, fault: { kind: 'drop-response' } },
  ]);
  const runtimeId = await gateway.createRuntime({ 'results.csv': 'a,b', 'agent.log': 'done' });
  const job = await gateway.createInvocation({ runtimeId, durationMs: 100 });
  const files = await runCollectJob({ plugins: [new BctrlPlugin({ client })] }, runtimeId, job.id);
  const stored = gateway.snapshot().files.map(({ id, runtimePath }) => [runtimePath, id]);
  expect(stored.sort()).toEqual([
    ['agent.log', files.log],
    ['results.csv', files.results],
  ]);
});

test('one attempt of a real activity says why it failed', async () => {
  gateway.setFaults([{ operation: 'stop-runtime', fault: { kind: 'reset' } }]);
  const runtimeId = await gateway.createRuntime();
  const { stopRuntime } = createActivities({ client });
  const attempt = new MockActivityEnvironment().run(stopRuntime, { runtimeId });
  const error = await attempt.catch((thrown: unknown) => thrown);
  expect(readFailure(error)).toMatchObject({ reasonClass: 'upstream', code: 'ECONNRESET' });
});
