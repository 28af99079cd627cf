import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { collectCheckpointSchema, heartbeatDetailsSchema } from '../../src/shared/heartbeat-details.js';
import { POST_RUN_PIPELINE, PROGRESS_QUERY, RESUME_UPDATE } from '../../src/shared/names.js';
import type { PipelineInput } from '../../src/shared/pipeline-input.js';
import type { PipelineProgress, PipelineReport } from '../../src/shared/pipeline-report.js';
import type { FaultRule, GatewaySnapshot } from '../../src/testing.js';
import { useDevServer } from '../support/dev-server.js';
import { startTestGateway } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

/** Long enough to kill a worker meanwhile. */
const SLOW_MS = 4_000;
const slow = { kind: 'delay', delayMs: SLOW_MS } as const;

/** Every phase takes a while, and the pipeline is held once because of `refused.txt`. */
const faults: FaultRule[] = [
  { operation: 'collect', runtimePath: 'slow.txt', times: 1, fault: slow },
  { operation: 'collect', runtimePath: 'refused.txt', times: 1, fault: { kind: 'respond', status: 401 } },
  { operation: 'export', times: 1, fault: slow },
  { operation: 'stop-runtime', times: 1, fault: slow },
];

/** The moments at which the worker is killed. */
const moments: Readonly<Record<string, (progress: PipelineProgress, snapshot: GatewaySnapshot) => boolean>> =
  {
    waiting: ({ phase }, { requests, inFlight }) => phase === 'waiting' && isSent(requests, 'wait', inFlight),
    collecting: ({ counts }, { inFlight }) => counts.collected === 2 && counts.failed === 1 && inFlight > 0,
    held: ({ phase }) => phase === 'held',
    exporting: (_progress, { requests, inFlight }) => isSent(requests, 'export', inFlight),
    'stopping the runtime': (_progress, { requests, inFlight }) => isSent(requests, 'stop-runtime', inFlight),
  };

function isSent(
  requests: GatewaySnapshot['requests'],
  operation: keyof GatewaySnapshot['requests'],
  inFlight: number,
): boolean {
  return (requests[operation] ?? 0) > 0 && inFlight > 0;
}

const temporal = useDevServer();

/** Returns the report of a pipeline, with names for ids. The worker is killed at the given moment. */
async function runPipeline(t: TestContext, killedWhen?: (typeof moments)[string]): Promise<unknown> {
  // An API that refuses taken paths would prevent the duplicates by itself.
  const gateway = await startTestGateway(t, { onPathExists: 'keep-both', faults });
  const { runtimeId } = gateway;
  const paths = ['quick.txt', 'slow.txt', 'refused.txt', 'named.txt'];
  for (const path of paths) await gateway.addFile(path);
  const startWorker = () =>
    startWorkerProcess(t, {
      address: temporal.address,
      gatewayUrl: gateway.url,
      taskQueue: runtimeId,
    });
  const worker = await startWorker();

  const output = { files: ['named.txt'] };
  const { id } = await gateway.createInvocation({ runtimeId, durationMs: 2 * SLOW_MS, output });
  const files = ['quick.txt', 'slow.txt', 'refused.txt'].map((runtimePath) => ({ runtimePath }));
  const input: PipelineInput = {
    runtimeId,
    waitFor: { invocationIds: [id] },
    files: [...files, { runtimePath: 'missing.txt', ifMissing: 'warn' }],
    filesFromOutput: '/files',
    onFailure: 'hold',
    exportArchive: {},
    stopRuntime: 'always',
  };
  const handle = await temporal.client.workflow.start(POST_RUN_PIPELINE, {
    taskQueue: runtimeId,
    workflowId: runtimeId,
    args: [input],
  });
  const waitForMoment = async (isReached: (typeof moments)[string]) => {
    await waitFor('the moment to kill the worker', async () => {
      // The query fails while no worker runs.
      const progress = await handle.query<PipelineProgress>(PROGRESS_QUERY).catch(() => undefined);
      if (progress && isReached(progress, gateway.snapshot())) return true;
      assert.notEqual(progress?.phase, 'done', 'the moment has passed');
      return false;
    });
  };
  const killAndRestart = async (isReached: (typeof moments)[string]) => {
    await waitForMoment(isReached);
    worker.child.kill('SIGKILL');
    await worker.ended;
    await startWorker();
  };

  const kill = killedWhen && killAndRestart(killedWhen);
  await waitForMoment(({ phase }) => phase === 'held');
  // A worker that is killed while the pipeline is held is killed now, as resuming changes the phase.
  if (killedWhen === moments['held']) await kill;
  assert.deepEqual(await handle.executeUpdate(RESUME_UPDATE), { files: 1, jobs: 0 });
  const report: PipelineReport = await handle.result();
  await kill;

  const snapshot = gateway.snapshot();
  assert.equal(snapshot.requests.whoami, killedWhen ? 2 : 1, 'each worker asks once when it starts');
  assert.deepEqual(snapshot.files.map(({ runtimePath }) => runtimePath ?? 'archive').toSorted(), [
    'archive',
    ...paths.toSorted(),
  ]);
  let text = JSON.stringify(report);
  for (const file of snapshot.files)
    text = text.replaceAll(file.id, `id of ${file.runtimePath ?? 'the archive'}`);
  return JSON.parse(text.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'id'));
}

describe('a worker that is killed and started again', { concurrency: true }, () => {
  let expected: Promise<unknown>;
  test('the report without a kill is complete', async (t) => {
    expected = runPipeline(t);
    const { counts, outcome } = (await expected) as PipelineReport;
    assert.equal(outcome, 'succeeded');
    assert.deepEqual(counts, { files: 5, collected: 4, kept: 0, missing: 1, skipped: 0, failed: 0 });
  });

  for (const [moment, isReached] of Object.entries(moments)) {
    test(`while ${moment}: the report is the same, and every file is there once`, async (t) => {
      const report = await runPipeline(t, isReached);
      assert.deepEqual(report, await expected);
    });
  }
});

test('the heartbeat details name the account of the API key before the first collect ends', async (t) => {
  const delayMs = 60_000;
  const faults: FaultRule[] = [{ operation: 'collect', fault: { kind: 'delay', delayMs } }];
  const gateway = await startTestGateway(t, { faults });
  const { runtimeId } = gateway;
  await gateway.addFile('slow.txt');
  await startWorkerProcess(t, { address: temporal.address, gatewayUrl: gateway.url, taskQueue: runtimeId });
  const handle = await temporal.client.workflow.start(POST_RUN_PIPELINE, {
    taskQueue: runtimeId,
    workflowId: runtimeId,
    args: [{ runtimeId, files: [{ runtimePath: 'slow.txt' }] }],
  });
  const payloads = await waitFor('the first heartbeat', async () => {
    const [activity] = (await handle.describe()).raw.pendingActivities ?? [];
    return activity?.heartbeatDetails?.payloads;
  });
  const { checkpoint } = heartbeatDetailsSchema.parse(JSON.parse(String(payloads[0]?.data)));
  assert.match(collectCheckpointSchema.parse(checkpoint).account ?? '', /^[0-9a-f]{32}$/);
  await handle.terminate();
});
