import { ApplicationFailure, startChild } from '@temporalio/workflow';

/** Half of a surrogate pair, which the SDK's core cannot decode as UTF-8. */
const LONE_SURROGATE = '\ud800';

export async function failWithLoneSurrogate(): Promise<never> {
  throw ApplicationFailure.nonRetryable(LONE_SURROGATE);
}

/** Computes for several seconds, in one activation. */
export async function computeForLong(): Promise<string> {
  let sum = 0;
  for (let number = 0; number < 2_500_000_000; number += 1) sum = (sum + number) | 0;
  return `computed ${typeof sum}`;
}

export async function startChildWithLoneSurrogate(): Promise<void> {
  await startChild(LONE_SURROGATE);
}
