import { setTimeout as sleep } from 'node:timers/promises';
import { get, type Json } from '@hyperjump/json-pointer';
import { isTerminal } from '../shared/api-schema.js';
import type { TerminalStatus } from '../shared/api-types.js';
import { externalInput } from '../shared/external-input.js';
import {
  type WaitForInvocationInput,
  type WaitForInvocationResult,
  waitForInvocationInputSchema,
} from '../shared/invocation.js';
import { formatZodError, parseInput } from '../shared/parse-input.js';
import { fileListSchema } from '../shared/pipeline-input.js';
import type { ByAccount } from './by-account.js';
import type { ActivityDependencies } from './dependencies.js';
import { type ApiActivityContext, runApiActivity } from './run-api-activity.js';

/** How long the API is asked to hold one poll: shorter than the idle timeout of common proxies (60 s). */
const POLL_SECONDS = 30;

/** Pause between two polls, for a server that does not hold them. */
const MIN_PAUSE_SECONDS = 1;

/** Longest pause, whatever the server asks for: the end of the job goes unnoticed meanwhile. */
const MAX_PAUSE_SECONDS = 30;

const outputFilesSchema = externalInput(fileListSchema);

/**
 * Waits until a runtime job has ended, for hours if necessary, in one activity, so that the workflow's history does not grow.
 *
 * @throws ApplicationFailure with the reasonClass as type and {@link FailureDetails} in `details[0]`
 */
export function createWaitForInvocation(dependenciesOf: ByAccount<ActivityDependencies>) {
  return async function waitForInvocation(input: WaitForInvocationInput): Promise<WaitForInvocationResult> {
    const { account, ...parsed } = parseInput(waitForInvocationInputSchema, input);
    const subject = `invocation ${parsed.invocationId}`;
    return await runApiActivity(dependenciesOf(account), subject, (context) =>
      pollUntilEnded(parsed, context),
    );
  };
}

async function pollUntilEnded(
  { runtimeId, invocationId: id, filesFromOutput: pointer }: WaitForInvocationInput,
  { client, signal, reportJobStatus }: ApiActivityContext,
): Promise<WaitForInvocationResult> {
  for (;;) {
    const invocation = await client.waitForInvocation(runtimeId, id, POLL_SECONDS, { signal });
    const { action, status, error, output, durationSeconds, retryAfterSeconds = 0 } = invocation;
    if (isTerminal(status)) {
      const named = pointer === undefined ? {} : filesNamedInOutput(output, status, pointer);
      return { id, action, status, error, durationSeconds, ...named };
    }
    // Each success resets the failure counts: ten failures spread over a job of eight hours must not end the wait.
    reportJobStatus(status);
    await sleep(toPauseMs(retryAfterSeconds), undefined, { signal });
  }
}

/** Milliseconds between two polls. */
export function toPauseMs(retryAfterSeconds: number): number {
  return Math.min(Math.max(retryAfterSeconds, MIN_PAUSE_SECONDS), MAX_PAUSE_SECONDS) * 1_000;
}

/**
 * The files that a job's output names at `pointer` (RFC 6901): a path, or an array of paths or of file objects. A job that did
 * not succeed need not name any.
 */
function filesNamedInOutput(
  output: unknown,
  status: TerminalStatus,
  pointer: string,
): Pick<WaitForInvocationResult, 'files' | 'outputProblem'> {
  const found = resolvePointer(output, pointer);
  const { data: files, error } = outputFilesSchema.safeParse(toFileObjects(found));
  if (files !== undefined) return { files };
  if (status !== 'succeeded') return {};
  if (output === undefined) return { outputProblem: 'the job has no output' };
  if (found === undefined) return { outputProblem: `its output has nothing at "${pointer}"` };
  return { outputProblem: `its output names no files at "${pointer}": ${formatZodError(error)}` };
}

function resolvePointer(output: unknown, pointer: string): unknown {
  // `get` is curried: without a document it would return a function.
  if (output === undefined) return undefined;
  try {
    // The client has parsed the output from JSON.
    return get(pointer, output as Json);
  } catch {
    // The pointer leads through a value that has no members.
    return undefined;
  }
}

function toFileObjects(found: unknown): unknown {
  const list = typeof found === 'string' ? [found] : found;
  if (!Array.isArray(list)) return list;
  return list.map((file) => (typeof file === 'string' ? { runtimePath: file } : file));
}
