import { setTimeout as sleep } from 'node:timers/promises';
import { get, type Json } from '@hyperjump/json-pointer';
import { Context, type Info } from '@temporalio/activity';
import type { BctrlClient } from '../bctrl/bctrl-client.js';
import { isTerminal } from '../shared/api-schema.js';
import type { Invocation, TerminalStatus } from '../shared/api-types.js';
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
import { type ApiActivityContext, Detached, runApiActivity } from './run-api-activity.js';

const outputFilesSchema = externalInput(fileListSchema);

/**
 * Waits until a runtime job has ended, for hours if necessary, in one activity, so that the workflow's history does not grow.
 * A job that has not ended yet is waited for without an activity slot.
 *
 * @throws ApplicationFailure with the reasonClass as type and {@link FailureDetails} in `details[0]`
 */
export function createWaitForInvocation(dependenciesOf: ByAccount<ActivityDependencies>) {
  return async function waitForInvocation(input: WaitForInvocationInput): Promise<WaitForInvocationResult> {
    const { account, ...parsed } = parseInput(waitForInvocationInputSchema, input);
    const { runtimeId, invocationId: id, filesFromOutput } = parsed;
    const dependencies = dependenciesOf(account);
    const { client, invocationPolls } = dependencies;
    const readEnd = (invocation: Invocation, { reportJobStatus }: ApiActivityContext) => {
      const { status } = invocation;
      if (isTerminal(status)) return toResult(id, { ...invocation, status }, filesFromOutput, client);
      // Each success resets the failure counts: ten failures spread over a job of eight hours must not end the wait.
      reportJobStatus(status);
      return undefined;
    };
    const waitedMs = createStopwatch(Context.current().info);
    const pollUntilEnded = async (context: ApiActivityContext) => {
      for (;;) {
        const { signal } = context;
        const { invocation, pauseMs } = await invocationPolls.poll(runtimeId, id, waitedMs(), signal);
        const result = readEnd(invocation, context);
        if (result !== undefined) return result;
        await sleep(pauseMs, undefined, { signal });
      }
    };
    return await runApiActivity(dependencies, `invocation ${id}`, async (context) => {
      const invocation = await invocationPolls.pollAtOnce(id, context.signal);
      return (invocation && readEnd(invocation, context)) ?? new Detached(pollUntilEnded);
    });
  };
}

/** Returns how long the activity has waited, over all its attempts, by Temporal's clock and the monotonic one. */
function createStopwatch({ scheduledTimestampMs, currentAttemptScheduledTimestampMs }: Info): () => number {
  const startedMs = performance.now();
  const earlierMs = currentAttemptScheduledTimestampMs - scheduledTimestampMs;
  return () => earlierMs + performance.now() - startedMs;
}

function toResult(
  id: string,
  { action, status, error, output, durationSeconds }: Invocation & { readonly status: TerminalStatus },
  pointer: string | undefined,
  client: BctrlClient,
): WaitForInvocationResult {
  const named = pointer === undefined ? {} : filesNamedInOutput(output, status, pointer, client);
  return { id, action, status, error, durationSeconds, ...named };
}

/**
 * The files that a job's output names at `pointer` (RFC 6901): a path, or an array of paths or of file objects. A job that did
 * not succeed need not name any.
 */
function filesNamedInOutput(
  output: unknown,
  status: TerminalStatus,
  pointer: string,
  client: BctrlClient,
): Pick<WaitForInvocationResult, 'files' | 'outputProblem'> {
  const found = resolvePointer(output, pointer);
  const { data: files, error } = outputFilesSchema.safeParse(toFileObjects(found));
  if (files !== undefined) return { files };
  if (status !== 'succeeded') return {};
  if (output === undefined) return { outputProblem: 'the job has no output' };
  if (found === undefined) return { outputProblem: `its output has nothing at "${pointer}"` };
  // The message may quote a field's name, which the job has chosen.
  const problem = client.redact(formatZodError(error));
  return { outputProblem: `its output names no files at "${pointer}": ${problem}` };
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
