import { setTimeout as sleep } from 'node:timers/promises';
import {
  type WaitedInvocation,
  type WaitForInvocationInput,
  waitForInvocationInputSchema,
} from '../shared/invocation.js';
import { oneLine } from '../shared/one-line.js';
import { type Invocation, isEnded } from '../shared/wire.js';
import { type ActivityDependencies, type ApiCall, callApi } from './call-api.js';
import { filesFromOutput } from './files-from-output.js';
import { parseInput } from './parse-input.js';

/** How long the API is asked to hold one poll: shorter than the idle limits of usual proxies (60 s). */
const POLL_SECONDS = 30;

/** Pause between polls when the server names none, for a server that does not hold them. */
const PAUSE_SECONDS = 1;

/**
 * Waits until a runtime job has ended, for hours if need be: one activity, no history growth.
 *
 * @throws ApplicationFailure with the reasonClass as type and {@link FailureDetails} in `details[0]`
 */
export function createWaitForInvocation(dependencies: ActivityDependencies) {
  return async function waitForInvocation(input: WaitForInvocationInput): Promise<WaitedInvocation> {
    const task = parseInput(waitForInvocationInputSchema, input);
    const subject = `invocation ${task.invocationId}`;
    return await callApi(dependencies, subject, (call) => pollUntilEnded(task, call));
  };
}

async function pollUntilEnded(
  { runtimeId, invocationId, filesFromOutput: pointer }: WaitForInvocationInput,
  { client, signal, forgetFailures }: ApiCall,
): Promise<WaitedInvocation> {
  for (;;) {
    const polled = await client.waitForInvocation(runtimeId, invocationId, POLL_SECONDS, { signal });
    const { id, action, status, error, durationSeconds } = polled;
    if (isEnded(status)) {
      const said = error && { code: oneLine(error.code), message: oneLine(error.message) };
      return { id, action, status, error: said, durationSeconds, ...namedFiles(polled, pointer) };
    }
    // Ten bad answers within a job of eight hours are no reason to give it up.
    forgetFailures();
    const pauseSeconds = Math.max(polled.retryAfterSeconds ?? 0, PAUSE_SECONDS);
    await sleep(pauseSeconds * 1_000, undefined, { signal });
  }
}

function namedFiles({ status, output }: Invocation, pointer: string | undefined) {
  if (pointer === undefined) return {};
  const named = filesFromOutput(output, pointer);
  // A job that failed owes nobody an output.
  return status === 'succeeded' || named.files ? named : {};
}
