import { setTimeout as sleep } from 'node:timers/promises';
import { type Invocation, isTerminal, type TerminalStatus } from '../shared/api-schema.js';
import {
  type WaitForInvocationInput,
  type WaitForInvocationResult,
  waitForInvocationInputSchema,
} from '../shared/invocation.js';
import { parseInput } from '../shared/parse-input.js';
import { filesFromOutput } from './files-from-output.js';
import { type ActivityDependencies, type ApiActivityContext, runApiActivity } from './run-api-activity.js';

/** How long the API is asked to hold one poll: shorter than the idle limits of usual proxies (60 s). */
const POLL_SECONDS = 30;

/** Between two polls, for a server that does not hold them. */
const MINIMUM_PAUSE_SECONDS = 1;

/** Whatever the server asks for: in a longer pause the end of a job would go unnoticed. */
const MAXIMUM_PAUSE_SECONDS = 30;

/**
 * Waits until a runtime job has ended, for hours if need be: one activity, no history growth.
 *
 * @throws ApplicationFailure with the reasonClass as type and {@link FailureDetails} in `details[0]`
 */
export function createWaitForInvocation(dependencies: ActivityDependencies) {
  return async function waitForInvocation(input: WaitForInvocationInput): Promise<WaitForInvocationResult> {
    const task = parseInput(waitForInvocationInputSchema, input);
    const subject = `invocation ${task.invocationId}`;
    return await runApiActivity(dependencies, subject, (call) => pollUntilEnded(task, call));
  };
}

async function pollUntilEnded(
  { runtimeId, invocationId, filesFromOutput: pointer }: WaitForInvocationInput,
  { client, signal, reportJobStatus }: ApiActivityContext,
): Promise<WaitForInvocationResult> {
  for (;;) {
    const polled = await client.waitForInvocation(runtimeId, invocationId, POLL_SECONDS, { signal });
    const { action, status, error, durationSeconds, retryAfterSeconds = 0 } = polled;
    if (isTerminal(status)) {
      return {
        id: invocationId,
        action,
        status,
        error,
        durationSeconds,
        ...namedFiles(polled, status, pointer),
      };
    }
    // Ten bad responses within a job of eight hours are no reason to give it up.
    reportJobStatus(status);
    await sleep(toPauseMs(retryAfterSeconds), undefined, { signal });
  }
}

/** Milliseconds between two polls, within bounds whatever the server asks for. */
export function toPauseMs(retryAfterSeconds: number): number {
  return Math.min(Math.max(retryAfterSeconds, MINIMUM_PAUSE_SECONDS), MAXIMUM_PAUSE_SECONDS) * 1_000;
}

function namedFiles({ output }: Invocation, status: TerminalStatus, pointer: string | undefined) {
  if (pointer === undefined) return {};
  const named = filesFromOutput(output, pointer);
  // A job that failed owes nobody an output.
  return status === 'succeeded' || named.files ? named : {};
}
