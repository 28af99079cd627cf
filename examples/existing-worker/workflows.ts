import { proxyActivities } from '@temporalio/workflow';
import { collectionKey, proxyBctrlActivities } from 'bctrl-temporal/workflow';
import type * as activities from './activities.js';

const { announce } = proxyActivities<typeof activities>({ startToCloseTimeout: '1 minute' });
const { collectRuntimeFile } = proxyBctrlActivities({ giveUpAfter: '1h' });

/** A workflow that the worker had before. */
export async function greet(name: string): Promise<void> {
  await announce(`Hello, ${name}`);
}

/** A new workflow, with an activity of each. Returns the id of the stored file. */
export async function storePrices(runtimeId: string): Promise<string> {
  const { id } = await collectRuntimeFile({ runtimeId, runtimePath: 'prices.csv', ...collectionKey() });
  await announce(`The prices are stored as ${id}`);
  return id;
}
