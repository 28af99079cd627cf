import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { type SearchAttributePair, TypedSearchAttributes } from '@temporalio/common';
import { POST_RUN_PIPELINE, PROGRESS_QUERY } from '../../src/shared/names.js';
import type { PipelineProgress } from '../../src/shared/pipeline-report.js';
import { searchAttributes } from '../../src/shared/search-attributes.js';
import type { Gateway, InvocationOptions } from '../../src/testing.js';
import type { Recording, Scenario } from './scenarios.js';

const POLL_MS = 50;

interface Surroundings {
  readonly client: Client;
  readonly gateway: Gateway;
  readonly taskQueue: string;
  readonly runtimeId: string;
  readonly deploy: Recording['deploy'];
}

/** Starts the workflow of a scenario and steers it. Returns the id of the run whose history is recorded. */
export async function runScenario(
  { client, gateway, taskQueue, runtimeId, deploy }: Surroundings,
  workflowId: string,
  scenario: Scenario,
): Promise<string> {
  const { type = POST_RUN_PIPELINE, jobs = [], faults = [], steer = ({ closed }) => closed() } = scenario;
  gateway.setFaults(faults);
  const createJob = async (options: Partial<InvocationOptions>) =>
    (await gateway.createInvocation({ durationMs: 0, ...options, runtimeId })).id;
  const invocationIds = await Promise.all(jobs.map(createJob));
  const waitFor = { ...scenario.input.waitFor, ...(jobs.length > 0 && { invocationIds }) };
  const input = { ...scenario.input, runtimeId, ...(Object.keys(waitFor).length > 0 && { waitFor }) };
  const attributes = type === POST_RUN_PIPELINE && !scenario.withoutSearchAttributes;
  const started = await client.workflow.start(type, {
    workflowId,
    taskQueue,
    args: [input],
    ...(attributes && { typedSearchAttributes: toSearchAttributes(runtimeId) }),
  });
  let runId = started.firstExecutionRunId;
  const handle: WorkflowHandle = client.workflow.getHandle(workflowId);
  const recording: Recording = {
    handle,
    createJob,
    setFaults: (rules) => gateway.setFaults(rules),
    async reach(phase, condition = () => true) {
      const isThere = (progress: PipelineProgress) => progress.phase === phase && condition(progress);
      while (!isThere(await handle.query<PipelineProgress>(PROGRESS_QUERY))) await sleep(POLL_MS);
    },
    deploy,
    closed: () => handle.result().catch(() => {}),
    async reset() {
      runId = await resetToFirstTask(client, workflowId, runId);
    },
  };
  await steer(recording);
  return runId;
}

function toSearchAttributes(runtimeId: string): TypedSearchAttributes {
  const pairs: SearchAttributePair[] = [
    { key: searchAttributes.runtimeId, value: runtimeId },
    { key: searchAttributes.phase, value: 'waiting' },
    { key: searchAttributes.filesCollected, value: 0 },
    { key: searchAttributes.filesFailed, value: 0 },
  ];
  return new TypedSearchAttributes(pairs);
}

/** Returns the id of the new run. */
async function resetToFirstTask(client: Client, workflowId: string, runId: string): Promise<string> {
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const firstTask = events?.find((event) => event.workflowTaskCompletedEventAttributes);
  const reset = await client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId, runId },
    workflowTaskFinishEventId: firstTask?.eventId ?? null,
    requestId: randomUUID(),
    identity: 'client',
  });
  return reset.runId;
}
