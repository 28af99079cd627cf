import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, type TestContext } from 'node:test';
import { Context } from '@temporalio/activity';
import {
  ApplicationFailure,
  type HistoryAndWorkflowId,
  WorkflowFailedError,
  type WorkflowHandleWithFirstExecutionRunId,
  type WorkflowStartOptions,
} from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import type { BctrlActivities } from '../../src/activities/create-activities.js';
import type { CollectedFile, CollectRuntimeFileInput } from '../../src/shared/collect.js';
import type { TerminalInvocation } from '../../src/shared/invocation.js';
import { PIPELINE_FAILED, POST_RUN_PIPELINE } from '../../src/shared/names.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import type { GatewayOptions } from '../../src/testing.js';
import { createTestActivities } from './activities.js';
import { startTestGateway } from './gateway.js';
import { createTimeSkippingEnv, withWorker, workflowBundle } from './temporal.js';

export const HOUR_MS = 3_600_000;
export const RUNTIME = '00000000-0000-4000-8000-000000000000';

/** The server of the test file, once its tests run. All workflows of a server share one clock. */
export let env: TestWorkflowEnvironment;

/** Starts `env` before the tests of a file. After them, replays every workflow that was executed, and stops the server. */
export function useTimeSkippingServer(): void {
  before(async () => {
    env = await createTimeSkippingEnv();
  });
  after(async () => {
    try {
      await replayAll();
    } finally {
      await env.teardown();
    }
  });
}

export type Handle = WorkflowHandleWithFirstExecutionRunId;

export interface Execution {
  readonly type?: string;
  readonly activities?: Partial<BctrlActivities>;
  readonly options?: Partial<WorkflowStartOptions>;
  /** `false` makes the test fail if a workflow task takes too long, but starts a thread. */
  readonly debugMode?: boolean;
}

/** Starts a workflow, by default a pipeline, on its own worker, which runs as long as `use`. */
export async function execute<T>(
  { type = POST_RUN_PIPELINE, activities, options, debugMode = true }: Execution,
  input: unknown,
  use: (handle: Handle) => Promise<T>,
): Promise<T> {
  return await withWorker(env, { debugMode, ...(activities && { activities }) }, async (taskQueue) => {
    const args = input === undefined ? [] : [input];
    const workflow = { ...options, taskQueue, workflowId: randomUUID(), args };
    const handle = await env.client.workflow.start(type, workflow);
    const result = await use(handle);
    histories.push({ workflowId: handle.workflowId, history: await handle.fetchHistory() });
    return result;
  });
}

/** The histories of all workflows that were executed. */
const histories: HistoryAndWorkflowId[] = [];

/** Replays all histories from their beginning, as a worker does after a crash. */
async function replayAll(): Promise<void> {
  for await (const { workflowId, error } of Worker.runReplayHistories(
    { workflowBundle: workflowBundle() },
    histories,
  )) {
    if (error) throw new Error(`The replay of ${workflowId} failed`, { cause: error });
  }
}

/** Runs a pipeline that succeeds, and returns its report. */
export function runPipeline(activities: Partial<BctrlActivities>, input: object): Promise<PipelineReport> {
  return execute({ activities }, input, (handle) => handle.result());
}

/** Waits until a workflow fails, and returns the cause. */
export async function getFailure(handle: Handle): Promise<Error | undefined> {
  const error = await handle.result().then(
    (result) => assert.fail(`it succeeded with ${JSON.stringify(result)}`),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof WorkflowFailedError, String(error));
  return error.cause;
}

/** Waits until a pipeline fails because of its files, and returns its report. */
export async function getFailedReport(handle: Handle): Promise<PipelineReport> {
  const failure = await getFailure(handle);
  assert.ok(failure instanceof ApplicationFailure, String(failure));
  assert.deepEqual([failure.type, failure.nonRetryable], [PIPELINE_FAILED, true]);
  return failure.details?.[0] as PipelineReport;
}

/** The real activities, and a gateway with these files whose clock is that of the server. */
export async function setUp(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  options: Partial<GatewayOptions> = {},
) {
  const aheadMs = (await env.currentTimeMs()) - Date.now();
  const gateway = await startTestGateway(t, { now: () => Date.now() + aheadMs, ...options });
  for (const [path, content] of Object.entries(files)) await gateway.addFile(path, content);
  return { gateway, runtimeId: gateway.runtimeId, activities: createTestActivities(t, gateway.url) };
}

/** The result of a mocked collect. */
export function toFile({ runtimePath }: CollectRuntimeFileInput): CollectedFile {
  return {
    id: randomUUID(),
    spaceId: RUNTIME,
    name: runtimePath,
    path: `/files/${runtimePath}`,
    contentType: 'text/plain',
    sizeBytes: 5,
    createdAt: '2025-01-02T03:04:05.678Z',
  };
}

export const collectAny: BctrlActivities['collectRuntimeFile'] = async (input) => toFile(input);

export const endedJob = (id: string): TerminalInvocation => ({ id, action: 'act', status: 'succeeded' });

/** A gate that a mocked activity waits at. It opens when the worker shuts down, so that a failed test ends. */
export function createGate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened, pass: () => Promise.race([opened, Context.current().cancelled]) };
}

export async function fetchEvents(handle: Handle) {
  return (await handle.fetchHistory()).events ?? [];
}

export async function fetchScheduledActivities(handle: Handle) {
  return (await fetchEvents(handle)).filter((event) => event.activityTaskScheduledEventAttributes);
}

export async function assertRefused(handle: Handle, message: RegExp): Promise<void> {
  const failure = await getFailure(handle);
  assert.ok(failure instanceof ApplicationFailure);
  assert.deepEqual([failure.type, failure.nonRetryable], ['invalid_input', true]);
  assert.match(failure.message, message);
}

export async function getCurrentDetails(handle: Handle): Promise<string> {
  const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  return currentDetails;
}

export const list = (...paths: string[]) => paths.map((runtimePath) => ({ runtimePath }));

/** The virtual time from start to end of a workflow. The clock of the server may jump after the end. */
export async function getElapsedMs(handle: Handle): Promise<number> {
  const { startTime, closeTime } = await handle.describe();
  return Number(closeTime) - Number(startTime);
}
