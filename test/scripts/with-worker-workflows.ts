import { sleep } from '@temporalio/workflow';

export async function sleepForAYear(): Promise<string> {
  await sleep('365 days');
  return 'rested';
}

/** Temporal takes an error that is not its own for a bug, and retries the workflow task for ever. */
export async function throwTypeError(): Promise<never> {
  throw new TypeError('x is not a function');
}
