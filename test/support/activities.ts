import type { TestContext } from 'node:test';
import type { Info } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { type ActivitiesOptions, createActivities } from '../../src/activities/create-activities.js';
import type { BctrlClientOptions } from '../../src/bctrl/client-options.js';
import { createTestClient } from './client.js';

/** Every failure is expected here, and asserted. */
const logger = new DefaultLogger('ERROR');

export interface AttemptResult<T> {
  readonly result?: T;
  readonly failure?: ApplicationFailure;
  /** Any other thing that was thrown. */
  readonly thrown?: unknown;
  /** What the next attempt finds in its info. */
  readonly heartbeatDetails: unknown;
}

/** Runs an activity once, as the attempt that `info` says. */
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

/** Runs an activity until it succeeds or fails finally, as Temporal would, but without the delays between. */
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

export interface TestActivitiesOptions extends Partial<Omit<ActivitiesOptions, 'client'>> {
  readonly client?: Partial<BctrlClientOptions>;
}

/** Activities without jitter and without a listing that has to settle, on a client of their own. */
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
