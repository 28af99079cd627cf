import { defineSearchAttributeKey } from '@temporalio/common';
import { executeChild, workflowInfo } from '@temporalio/workflow';
import { type PipelineReport, postRunPipeline } from 'bctrl-temporal/workflow';

export { postRunPipeline };

const scheduledStart = defineSearchAttributeKey('TemporalScheduledStartTime', 'DATETIME');

/** Collects the prices of one night, to a path of that night: a second file at the same path would be refused. */
export async function collectPrices(runtimeId: string): Promise<PipelineReport> {
  const { typedSearchAttributes, startTime } = workflowInfo();
  const night = (typedSearchAttributes.get(scheduledStart) ?? startTime).toISOString().slice(0, 10);
  return await executeChild(postRunPipeline, {
    args: [{ runtimeId, files: [{ runtimePath: 'prices.csv', destinationPath: `/prices/${night}.csv` }] }],
  });
}
