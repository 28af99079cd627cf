import { proxyActivities } from '@temporalio/workflow';
import type { PipelineReport } from 'bctrl-temporal/workflow';
import type * as activities from './activities.js';

export { postRunPipeline } from 'bctrl-temporal/workflow';

const { importFile } = proxyActivities<typeof activities>({ startToCloseTimeout: '10 minutes' });

/** Starts when a pipeline has succeeded. Returns how many of its files it imported. */
export async function importFiles({ files }: PipelineReport): Promise<number> {
  const ids = files.flatMap((file) => (file.outcome === 'collected' ? [file.fileId] : []));
  await Promise.all(ids.map(importFile));
  return ids.length;
}
