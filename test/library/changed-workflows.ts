import { sleep } from '@temporalio/workflow';

/** A pipeline whose code no longer does what the histories say. */
export async function postRunPipeline(): Promise<void> {
  await sleep('1 minute');
}
