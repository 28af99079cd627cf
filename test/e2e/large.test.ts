import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { COLLECTION_KEY_FIELD, POST_RUN_PIPELINE } from '../../src/shared/names.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import type { Fault, FaultRule, GatewayOptions } from '../../src/testing.js';
import { type ApiMode, apiModes } from '../support/api-modes.js';
import { useDevServer } from '../support/dev-server.js';
import { spreadFaults } from '../support/faults.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

/** Few enough for a pipeline of thousands of files to continue as new at least once. */
const SUGGEST_CONTINUE_AS_NEW_EVENTS = 60;

/** Batches at a time. Each of their attempts waits for the listing. */
const CONCURRENCY = 20;

type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

const temporal = useDevServer({
  dynamicConfig: {
    'limit.historyCount.suggestContinueAsNew': String(SUGGEST_CONTINUE_AS_NEW_EVENTS),
  },
});

async function startGateway(t: TestContext, count: number, options: Partial<GatewayOptions> = {}) {
  // An API that refuses taken paths would prevent the duplicates by itself.
  const gateway = await startTestGateway(t, { onPathExists: 'keep-both', ...options });
  const paths = Array.from({ length: count }, (_, index) => `out/${index % 100}/result-${index}.csv`);
  for (const path of paths) await gateway.addFile(path);
  return { gateway, files: paths.map((runtimePath) => ({ runtimePath })) };
}

function assertEachOnce(gateway: TestGateway, count: number): void {
  const { files } = gateway.snapshot();
  assert.equal(files.length, count);
  assert.equal(new Set(files.map(({ runtimePath }) => runtimePath)).size, count);
  assert.equal(new Set(files.map(({ metadata }) => metadata?.[COLLECTION_KEY_FIELD])).size, count);
}

/** Returns the events of each run of a pipeline. */
async function getRuns({ workflowId }: WorkflowHandle, firstRunId: string): Promise<HistoryEvent[][]> {
  const { events } = await temporal.client.workflow.getHandle(workflowId, firstRunId).fetchHistory();
  const next = events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
  const others = next ? await getRuns(temporal.client.workflow.getHandle(workflowId), next) : [];
  return [events ?? [], ...others];
}

describe('10,000 files are stored once each, with a fifth of faults, a killed worker and continue-as-new', () => {
  for (const [what, mode] of Object.entries(apiModes)) {
    test(what, { timeout: 280_000 }, (t) => collectManyThroughFaults(t, mode));
  }
});

async function collectManyThroughFaults(t: TestContext, { gateway: mode, env }: ApiMode): Promise<void> {
  const count = 10_000;
  const kinds: Fault[] = [
    { kind: 'drop-response' },
    { kind: 'malformed-response' },
    { kind: 'truncated-response' },
    { kind: 'reset' },
    { kind: 'respond', status: 500 },
    { kind: 'respond', status: 503 },
  ];
  const slowDown = { kind: 'respond', status: 429, headers: { 'retry-after': '1' } } as const;
  const faultRules: FaultRule[] = [
    { operation: 'collect', skip: 2_000, times: 3, fault: slowDown },
    ...spreadFaults(kinds, 0.2),
  ];
  const { gateway, files } = await startGateway(t, count, { ...mode, faults: faultRules });
  const { runtimeId } = gateway;
  const start = () =>
    startWorkerProcess(t, {
      address: temporal.address,
      gatewayUrl: gateway.url,
      taskQueue: runtimeId,
      env,
    });
  const worker = await start();
  const startedMs = performance.now();
  const handle = await temporal.client.workflow.start(POST_RUN_PIPELINE, {
    taskQueue: runtimeId,
    workflowId: runtimeId,
    args: [{ runtimeId, files, batchSize: 250, concurrency: CONCURRENCY }],
  });
  await waitFor(
    'two fifths of the files',
    () => gateway.snapshot().files.length >= count * 0.4 && gateway.snapshot().inFlight > 0,
  );
  worker.child.kill('SIGKILL');
  await worker.ended;
  await start();
  const pending: number[] = [];
  const watch = (async () => {
    for (;;) {
      const { raw, status } = await temporal.client.workflow.getHandle(handle.workflowId).describe();
      pending.push(raw.pendingActivities?.length ?? 0);
      if (status.name !== 'RUNNING') return;
      await sleep(100);
    }
  })();
  const report: PipelineReport = await handle.result();
  await watch;
  const { requests, faults } = gateway.snapshot();
  const { collect = 0, 'list-files': looks = 0 } = requests;
  const runs = await getRuns(handle, handle.firstExecutionRunId);
  const figures = [
    `${collect} collects, ${looks} looks`,
    `faults ${JSON.stringify(faults)}`,
    `runs of ${runs.map((events) => events.length).join(', ')} events`,
    `${Math.round((performance.now() - startedMs) / 1_000)} s`,
  ].join('; ');
  t.diagnostic(figures);

  assertEachOnce(gateway, count);
  const { collected, failed } = report.counts;
  assert.deepEqual([report.outcome, report.counts.files, collected, failed], ['succeeded', count, count, 0]);
  assert.equal(report.duplicates, undefined);
  assert.ok(report.files.every((outcome) => !('duplicateIds' in outcome)));
  const bytes = files.reduce((sum, { runtimePath }) => sum + runtimePath.length, 0);
  assert.equal(report.bytes, bytes);
  assert.ok(report.files.length <= 1_000 && report.files.length >= 900, `${report.files.length} listed`);
  assert.ok(collect + looks <= 2 * count, figures);
  assert.ok(runs.length >= 2, figures);
  assert.ok(Math.max(...pending) <= CONCURRENCY, 'no more activities than asked for are pending');
  const suggested = SUGGEST_CONTINUE_AS_NEW_EVENTS;
  assert.ok(
    runs.every((events) => events.length < 3 * suggested),
    figures,
  );
}

test('two workers share the batches of one pipeline, and one that is killed loses nothing', async (t) => {
  const count = 2_000;
  const slow: FaultRule = { operation: 'collect', fault: { kind: 'delay', delayMs: 100 } };
  const { gateway, files } = await startGateway(t, count, { faults: [slow] });
  const { runtimeId } = gateway;
  const start = () =>
    startWorkerProcess(t, {
      address: temporal.address,
      gatewayUrl: gateway.url,
      taskQueue: runtimeId,
      env: { BCTRL_MAX_REQUESTS: '16' },
    });
  const [killed, other] = await Promise.all([start(), start()]);
  const handle = await temporal.client.workflow.start(POST_RUN_PIPELINE, {
    taskQueue: runtimeId,
    workflowId: runtimeId,
    args: [{ runtimeId, files, batchSize: 50, concurrency: 4 }],
  });
  await waitFor('half of the files', () => gateway.snapshot().files.length >= count / 2);
  killed.child.kill('SIGKILL');
  await killed.ended;
  const report: PipelineReport = await handle.result();

  assertEachOnce(gateway, count);
  assert.equal(report.counts.collected, count);
  const runs = await getRuns(handle, handle.firstExecutionRunId);
  const batches = new Map<string, number>();
  for (const events of runs) {
    const isBatch = (eventId: HistoryEvent['eventId']) =>
      events.find((event) => String(event.eventId) === String(eventId))?.activityTaskScheduledEventAttributes
        ?.activityType?.name === 'collectRuntimeFiles';
    for (const { activityTaskStartedEventAttributes: started } of events) {
      const [pid] = started?.identity?.split('@') ?? [];
      if (pid === undefined || !isBatch(started?.scheduledEventId)) continue;
      batches.set(pid, (batches.get(pid) ?? 0) + 1);
    }
  }
  const ofKilled = batches.get(String(killed.child.pid)) ?? 0;
  const ofOther = batches.get(String(other.child.pid)) ?? 0;
  t.diagnostic(`batches: ${ofKilled} of the killed worker, ${ofOther} of the other`);
  assert.equal(ofKilled + ofOther, count / 50);
  // Both workers ran while the first half was collected.
  assert.ok(ofKilled >= 5, `${ofKilled} batches of 20`);
  assert.equal(report.files.length, 900);
});

test('a reset of a run that was continued repeats nothing, and neither do the runs after it', {
  timeout: 200_000,
}, async (t) => {
  const count = 400;
  const { gateway, files } = await startGateway(t, count);
  const { runtimeId } = gateway;
  await startWorkerProcess(t, { address: temporal.address, gatewayUrl: gateway.url, taskQueue: runtimeId });
  const handle = await temporal.client.workflow.start(POST_RUN_PIPELINE, {
    taskQueue: runtimeId,
    workflowId: runtimeId,
    args: [{ runtimeId, files, batchSize: 10 }],
  });
  await handle.result();
  const runs = await getRuns(handle, handle.firstExecutionRunId);
  assert.ok(runs.length >= 3, `${runs.length} runs`);

  const [firstTask] = runs[0]?.filter((event) => event.workflowTaskCompletedEventAttributes) ?? [];
  const workflowTaskFinishEventId = firstTask?.eventId;
  assert.ok(workflowTaskFinishEventId);
  const { runId } = await temporal.client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: runtimeId, runId: handle.firstExecutionRunId },
    workflowTaskFinishEventId,
    requestId: randomUUID(),
  });
  const report: PipelineReport = await temporal.client.workflow.getHandle(runtimeId, runId).result();
  const resetRuns = await getRuns(handle, runId);
  t.diagnostic(`${runs.length} runs, and ${resetRuns.length} of the reset`);
  assert.ok(resetRuns.length >= 3, `${resetRuns.length} runs`);
  assert.equal(report.counts.collected, count);
  assertEachOnce(gateway, count);
  assert.equal(gateway.snapshot().requests.collect, count, 'nothing was asked for again');
});
