import type { TestContext } from 'node:test';
import type { Info } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createActivities } from '../../src/activities/create-activities.js';
import type { CommonActivitiesOptions } from '../../src/activities/dependencies.js';
import type { BctrlClientOptions } from '../../src/bctrl/client-options.js';
import { createTestClient } from './client.js';

/** Tests expect and assert every failure, so none is logged. */
const logger = new DefaultLogger('ERROR');

export interface AttemptResult<T> {
  readonly result?: T;
  readonly failure?: ApplicationFailure;
  /** A thrown value that is no `ApplicationFailure`. */
  readonly thrown?: unknown;
  /** The heartbeat details that the next attempt starts with. */
  readonly heartbeatDetails: unknown;
}

/** Runs one attempt of an activity, with this `info`. */
export async function runAttempt<T>(
  activity: (...args: never[]) => Promise<T>,
  input: unknown,
  info: Partial<Info> = {},
): Promise<AttemptResult<T>> {
  const env = new MockActivityEnvironment(info, { logger });
  let heartbeatDetails: unknown = info.heartbeatDetails;
  env.on('heartbeat', (details: unknown) => {
    heartbeatDetails = JSON.parse(JSON.stringify(details));
  });
  try {
    return { result: await env.run(activity as (input: unknown) => Promise<T>, input), heartbeatDetails };
  } catch (thrown) {
    return thrown instanceof ApplicationFailure
      ? { failure: thrown, heartbeatDetails }
      : { thrown, heartbeatDetails };
  }
}

/** Runs an activity until it succeeds or its failure is final, as Temporal would, but without delays. */
export async function runToEnd<T>(
  activity: (...args: never[]) => Promise<T>,
  input: unknown,
  info: Partial<Info> = {},
): Promise<AttemptResult<T> & { attempts: number }> {
  let heartbeatDetails: unknown;
  for (let attempt = 1; ; attempt += 1) {
    const attempted = await runAttempt(activity, input, { ...info, attempt, heartbeatDetails });
    if (attempted.failure === undefined || attempted.failure.nonRetryable) {
      return { ...attempted, attempts: attempt };
    }
    heartbeatDetails = attempted.heartbeatDetails;
  }
}

export interface TestActivitiesOptions extends Partial<CommonActivitiesOptions> {
  readonly client?: Partial<BctrlClientOptions>;
}

/** Activities with their own client, without jitter and without a settle time. */
export function createTestActivities(
  t: TestContext,
  baseUrl: string,
  { client, ...options }: TestActivitiesOptions = {},
) {
  return createActivities({
    client: createTestClient(t, baseUrl, client),
    random: () => 0,
    listSettleTime: 0,
    ...options,
  });
}
