import { ApplicationFailure, startChild } from '@temporalio/workflow';

/** Half of a surrogate pair, which the SDK's core cannot decode as UTF-8. */
const LONE_SURROGATE = '\ud800';

export async function failWithLoneSurrogate(): Promise<never> {
  throw ApplicationFailure.nonRetryable(LONE_SURROGATE);
}

export async function startChildWithLoneSurrogate(): Promise<void> {
  await startChild(LONE_SURROGATE);
}
