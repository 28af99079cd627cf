import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { JOB_FINISHED_SIGNAL, POST_RUN_PIPELINE } from '../../src/shared/names.js';
import type { PipelineInput } from '../../src/shared/pipeline-input.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import type { FaultRule, GatewayOptions } from '../../src/testing.js';
import { useDevServer } from '../support/dev-server.js';
import type { RunningProcess } from '../support/executable.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { type HttpProxy, startHttpProxy } from '../support/http-proxy.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { connectToDevServer, withWorker } from '../support/temporal.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';
import { startWorkerProcess, waitForPollers } from '../support/worker-process.js';

/** Less than the default settle time of 5 s. */
const LIST_LAG_MS = 3_000;

const FILES = 122;
const LOST_RESPONSES = 100;
const lostResponses: FaultRule = {
  operation: 'collect',
  // The batch sends all others at once when one of its first requests has succeeded.
  skip: 3,
  times: LOST_RESPONSES,
  fault: { kind: 'drop-response' },
};

/** All requests are sent at once. In an outage, a single first request would be retried alone until the outage ends. */
const AT_ONCE = { BCTRL_MAX_REQUESTS: String(FILES) };

/** Each batch begins with a few requests. */
const ONE_BATCH = { batchSize: FILES };

/** Another worker gets the work after the heartbeat timeout of 10 s, and starts it after a settle time of 5 s. */
const AWAY_MS = 20_000;

/** Another worker may take over sooner, as Temporal counts from the last heartbeat. No lease is valid after this time. */
const HEARTBEAT_TIMEOUT_MS = 10_000;

/** A worker notices within this time that it has lost Temporal. */
const NOTICED_MS = 10_000;

/** A worker that wrongly continues would have sent a request within this time. */
const SILENCE_MS = 3_000;

const temporal = useDevServer();

interface Scene {
  readonly gateway: TestGateway;
  readonly start: (env?: Readonly<Record<string, string>>, address?: string) => Promise<RunningProcess>;
  readonly startPipeline: (
    options?: Partial<PipelineInput>,
  ) => Promise<WorkflowHandleWithFirstExecutionRunId>;
}

async function setUp(
  t: TestContext,
  { count = FILES, ...options }: Partial<GatewayOptions> & { count?: number },
): Promise<Scene> {
  // An API that refuses taken paths would prevent the duplicates by itself.
  const gateway = await startTestGateway(t, {
    onPathExists: 'keep-both',
    listLagMs: LIST_LAG_MS,
    ...options,
  });
  const { runtimeId } = gateway;
  const paths = Array.from({ length: count }, (_, index) => `out/result-${index}.csv`);
  for (const path of paths) await gateway.addFile(path);
  const files = paths.map((runtimePath) => ({ runtimePath }));
  return {
    gateway,
    start: (env = {}, address = temporal.address) =>
      startWorkerProcess(t, { address, gatewayUrl: gateway.url, taskQueue: runtimeId, env }),
    startPipeline: (input) =>
      temporal.client.workflow.start(POST_RUN_PIPELINE, {
        taskQueue: runtimeId,
        workflowId: runtimeId,
        args: [{ runtimeId, files, ...input }],
      }),
  };
}

/** Asserts that no file is lost and that the report names every duplicate. Returns the number of duplicates. */
function assertAllReported(t: TestContext, gateway: TestGateway, report: PipelineReport): number {
  const idsOf = new Map<string | null, string[]>();
  const { files, requests } = gateway.snapshot();
  for (const { runtimePath, id } of files) idsOf.set(runtimePath, [...(idsOf.get(runtimePath) ?? []), id]);
  const { collect, 'list-files': looks } = requests;
  const duplicates = files.length - idsOf.size;
  t.diagnostic(
    `${duplicates} duplicates of ${files.length} files, ${report.duplicates ?? 0} of them reported; ${collect} collects, ${looks} looks`,
  );
  assert.deepEqual([report.outcome, report.counts.collected], ['succeeded', report.counts.files]);
  assert.equal(idsOf.size, report.counts.files);
  assert.equal(report.duplicates ?? 0, duplicates);
  for (const outcome of report.files) {
    assert.equal(outcome.outcome, 'collected');
    const { runtimePath, fileId, duplicateIds = [] } = outcome;
    assert.deepEqual([fileId, ...duplicateIds].toSorted(), idsOf.get(runtimePath)?.toSorted(), runtimePath);
  }
  return duplicates;
}

describe(`${LOST_RESPONSES} lost responses and a listing that lags by 3 s`, { concurrency: true }, () => {
  for (const onPathExists of ['keep-both', 'refuse'] as const) {
    test(`make no duplicate and fail no file with a settle time of 5 s, if the API would ${onPathExists}`, async (t) => {
      const { gateway, start, startPipeline } = await setUp(t, { onPathExists, faults: [lostResponses] });
      await start({ ...AT_ONCE, BCTRL_LIST_SETTLE_TIME: '5s' });
      const report: PipelineReport = await (await startPipeline(ONE_BATCH)).result();
      assert.equal(gateway.snapshot().faults['drop-response'], LOST_RESPONSES);
      assert.equal(report.counts.failed, 0);
      assert.equal(assertAllReported(t, gateway, report), 0);
    });
  }

  test('make duplicates with a settle time of 2 s, and each of them is reported', async (t) => {
    // All responses but the first are lost, and some of the second ones too, whose files are listed later than the first ones.
    const faults = [{ ...lostResponses, times: FILES + 8 }];
    const { gateway, start, startPipeline } = await setUp(t, { faults });
    await start({ ...AT_ONCE, BCTRL_LIST_SETTLE_TIME: '2s' });
    const report: PipelineReport = await (await startPipeline(ONE_BATCH)).result();
    assert.ok(assertAllReported(t, gateway, report) > 0);
    const [warning = ''] = report.warnings;
    assert.match(warning, /^out\/result-\d+\.csv: the API made it more than once; the other files are /);
  });
});

/** After a reset, the activities of the old run continue until their next heartbeat. */
test('a reset in the middle of a batch makes no duplicate, although the listing lags by 3 s', async (t) => {
  const faults: FaultRule[] = [{ operation: 'collect', fault: { kind: 'delay', delayMs: 250 } }];
  const { gateway, start, startPipeline } = await setUp(t, { faults });
  const { runtimeId } = gateway;
  await start({ BCTRL_MAX_REQUESTS: '2' });
  const handle = await startPipeline();
  await waitFor(
    'a quarter of the files',
    () => gateway.snapshot().files.length >= FILES / 4 && gateway.snapshot().inFlight > 0,
  );
  const { events } = await handle.fetchHistory();
  const [firstTask] = events?.filter((event) => event.workflowTaskCompletedEventAttributes) ?? [];
  const workflowTaskFinishEventId = firstTask?.eventId;
  assert.ok(workflowTaskFinishEventId);
  const { runId } = await temporal.client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: runtimeId, runId: handle.firstExecutionRunId },
    workflowTaskFinishEventId,
    requestId: randomUUID(),
  });
  const before = gateway.snapshot().files.length;
  const report: PipelineReport = await temporal.client.workflow.getHandle(runtimeId, runId).result();
  t.diagnostic(`reset when ${before} of ${FILES} files were there`);
  assert.equal(assertAllReported(t, gateway, report), 0);
});

describe('a worker that', { concurrency: true }, () => {
  const count = 600;
  const slow: FaultRule = { operation: 'collect', fault: { kind: 'delay', delayMs: 50 } };

  /** Starts a pipeline whose batches are all with one worker. That worker's requests go through a proxy. */
  async function startBatches(t: TestContext, address?: string) {
    const scene = await setUp(t, { count, faults: [slow] });
    const proxy = await startHttpProxy(t, Number(new URL(scene.gateway.url).port));
    const sent = () => countCollects(proxy);
    const away = await scene.start(throughProxy(proxy), address);
    const handle = await scene.startPipeline({ batchSize: 100, concurrency: 6 });
    await waitFor('a sixth of the collects', () => sent() >= count / 6);
    const startOther = () => scene.start({ BCTRL_MAX_REQUESTS: '2' });
    return { gateway: scene.gateway, handle, away, startOther, sent };
  }

  /** Asserts that the silence proves something: the worker has not crashed, and the other one still has batches. */
  function assertBothWork(gateway: TestGateway, { child }: RunningProcess): void {
    assert.equal(child.exitCode ?? child.signalCode, null);
    assert.ok(gateway.snapshot().files.length < count, 'the other still works');
  }

  test('is frozen until another has taken over sends nothing when it continues', async (t) => {
    const { gateway, handle, away, startOther, sent } = await startBatches(t);
    away.child.kill('SIGSTOP');
    const startedMs = performance.now();
    const other = await startOther();
    const before = sent();
    const isLongFrozen = () => performance.now() - startedMs > HEARTBEAT_TIMEOUT_MS;
    await waitFor(
      'the other worker to take over',
      async () => isLongFrozen() && (await hasAllBatches(handle, other)),
    );
    away.child.kill('SIGCONT');
    const frozenMs = performance.now() - startedMs;
    await sleep(SILENCE_MS);
    const after = sent();
    assertBothWork(gateway, away);
    const report: PipelineReport = await handle.result();
    t.diagnostic(
      `it sent ${before} collects, was frozen for ${Math.round(frozenMs / 1_000)} s, and sent ${after - before} after that`,
    );
    assert.equal(after, before);
    assert.ok(frozenMs > HEARTBEAT_TIMEOUT_MS, 'longer than the heartbeat timeout');
    assert.equal(assertAllReported(t, gateway, report), 0);
  });

  test('is given batches while it is frozen sends nothing when it continues, as another has them', async (t) => {
    const { gateway, start, startPipeline } = await setUp(t, { count, faults: [slow] });
    const { runtimeId } = gateway;
    const proxy = await startHttpProxy(t, Number(new URL(gateway.url).port));
    const env = await connectToDevServer(temporal.address);
    t.after(() => env.teardown());
    const handle = await startPipeline({ batchSize: 50, concurrency: 12, waitFor: { signal: true } });
    // This worker has no activities, so that Temporal can hand batches only to the open polls of the frozen one.
    const away = await withWorker(env, { taskQueue: runtimeId }, async () => {
      // This worker gets the next workflow task too, as it has the workflow in its cache by then.
      await waitForPhase(handle, 'waiting');
      const worker = await start(throughProxy(proxy));
      await waitForPollers(temporal.client, runtimeId);
      worker.child.kill('SIGSTOP');
      await handle.signal(JOB_FINISHED_SIGNAL);
      await waitFor('a batch of the frozen worker', () => hasBatch(handle, worker));
      return worker;
    });
    const other = await start({ BCTRL_MAX_REQUESTS: '2' });
    await waitFor('the other worker to take over', () => hasAllBatches(handle, other));
    away.child.kill('SIGCONT');
    await sleep(SILENCE_MS);
    const sent = countCollects(proxy);
    assertBothWork(gateway, away);
    const report: PipelineReport = await handle.result();
    assert.equal(assertAllReported(t, gateway, report), 0);
    assert.equal(sent, 0);
  });

  test('loses Temporal but not the API stops sending within 10 s, and another takes over', async (t) => {
    const way = await startTcpProxy(t, temporal.address);
    const { gateway, handle, startOther, sent } = await startBatches(t, way.address);
    const atCut = sent();
    await way.cut();
    const noticed = sleep(NOTICED_MS).then(sent);
    const back = sleep(AWAY_MS);
    await startOther();
    const atStop = await noticed;
    await back;
    const atRestore = sent();
    await way.restore();
    const report: PipelineReport = await handle.result();
    t.diagnostic(`it sent ${atCut} collects before the cut, ${atStop - atCut} in the 10 s after it`);
    assert.ok(atStop > atCut, 'it does not notice at once');
    assert.ok(atStop < count, 'it has left some to the other');
    assert.equal(atRestore, atStop);
    assertAllReported(t, gateway, report);
  });
});

async function hasBatch(handle: WorkflowHandle, worker: RunningProcess): Promise<boolean> {
  return (await listBatchOwners(handle)).some((identity) => isOf(worker, identity));
}

async function hasAllBatches(handle: WorkflowHandle, worker: RunningProcess): Promise<boolean> {
  return (await listBatchOwners(handle)).every((identity) => isOf(worker, identity));
}

/** Lists the last worker of each batch that has no outcome yet, by its identity. */
async function listBatchOwners(handle: WorkflowHandle) {
  const { raw } = await handle.describe();
  return (raw.pendingActivities ?? []).map(({ lastWorkerIdentity }) => lastWorkerIdentity);
}

function isOf({ child }: RunningProcess, identity: string | null | undefined): boolean {
  return identity?.startsWith(`${child.pid}@`) ?? false;
}

function throughProxy({ address }: HttpProxy): Readonly<Record<string, string>> {
  return {
    BCTRL_MAX_REQUESTS: '2',
    BCTRL_BASE_URL: 'http://192.0.2.1',
    HTTP_PROXY: `http://${address}`,
  };
}

function countCollects({ requests }: HttpProxy): number {
  return requests.filter((request) => request.startsWith('POST ')).length;
}
