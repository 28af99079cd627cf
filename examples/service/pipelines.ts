import type { Client } from '@temporalio/client';
import {
  getPipelineHandle,
  type PipelineProgress,
  type PipelineReport,
  readReport,
  startPipeline,
} from 'bctrl-temporal/client';

export interface StartedJob {
  readonly runtimeId: string;
  readonly invocationId: string;
}

/** Starts the pipeline of a job. A repeated call finds the same pipeline: the id is made from the runtime and the job. */
export async function start(client: Client, { runtimeId, invocationId }: StartedJob) {
  const { workflowId, isNew } = await startPipeline(client, {
    runtimeId,
    waitFor: { invocationIds: [invocationId], timeout: '8h' },
    files: [{ runtimePath: 'results.csv' }, { runtimePath: 'agent.log', ifMissing: 'ignore' }],
  });
  return { workflowId, isNew };
}

/** What is done so far. */
export async function readProgress(client: Client, workflowId: string): Promise<PipelineProgress> {
  return await getPipelineHandle(client, workflowId).progress();
}

/** Waits until the pipeline ends. A failed pipeline has a report too. */
export async function waitForReport(client: Client, workflowId: string): Promise<PipelineReport> {
  try {
    return await getPipelineHandle(client, workflowId).result();
  } catch (error) {
    const report = readReport(error);
    if (report === undefined) throw error;
    return report;
  }
}
