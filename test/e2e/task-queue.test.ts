import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exitCodes } from '../../src/exit.js';
import { POST_RUN_PIPELINE } from '../../src/shared/names.js';
import { parseWorkerVersion } from '../../src/shared/worker-identity.js';
import type { FaultRule } from '../../src/testing.js';
import { version } from '../../src/version.js';
import { useDevServer } from '../support/dev-server.js';
import { startTestGateway } from '../support/gateway.js';
import { runMain } from '../support/run-main.js';
import { startWorkerProcess } from '../support/worker-process.js';

const RATE = 2;
const FILES = 12;

const temporal = useDevServer();

async function runPipeline(
  t: Parameters<typeof startTestGateway>[0],
  env: Record<string, string>,
  priority = {},
) {
  const gateway = await startTestGateway(t);
  const { runtimeId } = gateway;
  const files = Array.from({ length: FILES }, (_, index) => ({ runtimePath: `${index}.txt` }));
  for (const { runtimePath } of files) await gateway.addFile(runtimePath);
  await startWorkerProcess(t, {
    address: temporal.address,
    gatewayUrl: gateway.url,
    taskQueue: runtimeId,
    env,
  });
  const handle = await temporal.client.workflow.start(POST_RUN_PIPELINE, {
    taskQueue: runtimeId,
    workflowId: runtimeId,
    args: [{ runtimeId, files }],
    priority,
  });
  await handle.result();
  const events = (await handle.fetchHistory()).events ?? [];
  const started = events
    .filter((event) => event.activityTaskStartedEventAttributes)
    .map(({ eventTime }) => Number(eventTime?.seconds) * 1_000 + Number(eventTime?.nanos) / 1e6)
    .toSorted((a, b) => a - b);
  const priorities = events.flatMap((event) => event.activityTaskScheduledEventAttributes?.priority ?? []);
  return { runtimeId, started, priorities };
}

test('the rate limit of a task queue applies to all activities, eager ones too', async (t) => {
  const env = { BCTRL_MAX_TASK_QUEUE_ACTIVITIES_PER_SECOND: String(RATE) };
  const { started } = await runPipeline(t, env);
  assert.equal(started.length, FILES);
  const [first = 0] = started;
  const last = started.at(-1) ?? 0;
  t.diagnostic(`${FILES} activities in ${Math.round(last - first)} ms at ${RATE}/s`);
  // The server spreads the rate over its partitions, and allows each a burst at first.
  assert.ok(last - first >= ((FILES - 1 - 2 * RATE) / RATE) * 1_000, `${last - first} ms`);
});

test('activities start at once without a rate limit', async (t) => {
  const { started } = await runPipeline(t, {});
  assert.ok((started.at(-1) ?? 0) - (started[0] ?? 0) < 2_000);
});

test('activities have their runtime as fairness key, and the priority of their pipeline', async (t) => {
  const { runtimeId, priorities } = await runPipeline(t, {}, { priorityKey: 2 });
  assert.deepEqual([...new Set(priorities.map(({ fairnessKey }) => fairnessKey))], [runtimeId]);
});

test('the fairness key that a pipeline was started with is kept', async (t) => {
  const { priorities } = await runPipeline(t, {}, { fairnessKey: 'tenant-1', priorityKey: 2 });
  assert.deepEqual([...new Set(priorities.map(({ fairnessKey }) => fairnessKey))], ['tenant-1']);
});

test('the pollers of a task queue show the version of their worker', async (t) => {
  const { runtimeId: name } = await runPipeline(t, {});
  for (const taskQueueType of [1, 2]) {
    const queue = { namespace: 'default', taskQueue: { name }, taskQueueType };
    const { pollers } = await temporal.client.workflowService.describeTaskQueue(queue);
    assert.deepEqual(
      pollers?.map(({ identity }) => parseWorkerVersion(identity ?? '')),
      [version],
    );
  }
});

test('rerun starts the pipeline on its own task queue', async (t) => {
  const faults: FaultRule[] = [{ operation: 'collect', times: 1, fault: { kind: 'respond', status: 401 } }];
  const gateway = await startTestGateway(t, { faults });
  const { runtimeId } = gateway;
  await gateway.addFile('a.txt');
  await startWorkerProcess(t, { address: temporal.address, gatewayUrl: gateway.url, taskQueue: runtimeId });
  const options = { taskQueue: runtimeId, workflowId: runtimeId };
  const args = [{ runtimeId, files: [{ runtimePath: 'a.txt' }] }];
  const failed = await temporal.client.workflow.start(POST_RUN_PIPELINE, { ...options, args });
  await assert.rejects(failed.result());

  const env = { TEMPORAL_ADDRESS: temporal.address };
  const status = await runMain(['status', runtimeId], { env });
  assert.match(
    status.stdout,
    new RegExp(`\nnext step {2}fix the cause, then run {2}bctrl-temporal rerun ${runtimeId}\n$`),
  );
  const dryRun = await runMain(['rerun', runtimeId, '--dry-run'], { env });
  assert.match(dryRun.stdout, new RegExp(`^# taskQueue: ${runtimeId}$`, 'm'));
  const { code } = await runMain(['rerun', runtimeId, '--wait'], { env });
  assert.equal(code, exitCodes.done);
  const { taskQueue } = await temporal.client.workflow.getHandle(runtimeId).describe();
  assert.equal(taskQueue, runtimeId);
  assert.equal((await runMain(['status', runtimeId], { env })).stdout.includes('next step'), false);
});
