import { setTimeout as sleep } from 'node:timers/promises';
import { isGrpcDeadlineError, QueryNotRegisteredError } from '@temporalio/client';
import { getPipelineHandle } from '../../client/pipeline-handle.js';
import { type ExitCode, ExitError, exitCodes } from '../../exit.js';
import { type PipelineInput, pipelineInputSchema } from '../../shared/pipeline-input.js';
import { parseFields } from '../input/parse-fields.js';
import type { Io } from '../io.js';
import { formatDuration } from '../output/format.js';
import { findPipeline, type WorkflowRef } from '../temporal/find-pipelines.js';
import { type Session, withTemporal } from '../temporal/session.js';
import { noWorkerError } from '../temporal/update-pipeline.js';
import { checkStartOptions, printDryRun, type StartOptions, startAndPrint } from './start.js';

/** Enough for a worker that first has to replay a long history. */
const QUERY_TIMEOUT_MS = 10_000;

/** An activity learns from its next heartbeat, every few seconds, that its workflow is closed, and aborts its requests. */
const ORPHAN_GRACE_MS = 15_000;

/** `rerun`: retries only the files that an ended pipeline did not collect, with its workflow id and collection keys. */
export async function rerunCommand(io: Io, workflowId: string, options: StartOptions): Promise<ExitCode> {
  checkStartOptions(options);
  return await withTemporal(io, async (session) => {
    const ended = await findPipeline(session, workflowId);
    assertEndedWithoutSuccess(ended);
    const input = parseFields(pipelineInputSchema, await readRerunInput(session, ended));
    await waitForOrphanedActivities(io, ended);
    const { taskQueue } = ended.description;
    const pipeline = { input, workflowId, taskQueue, again: 'if-failed' } as const;
    if (options.dryRun) return await printDryRun(io, pipeline, options);
    return await startAndPrint(session, io, pipeline, options);
  });
}

function assertEndedWithoutSuccess({ description: { status } }: WorkflowRef): void {
  if (status.name === 'RUNNING') {
    const problem = 'the pipeline is still running; if it is held, use bctrl-temporal resume';
    throw new ExitError(exitCodes.usage, problem);
  }
  if (status.name !== 'COMPLETED') return;
  throw new ExitError(exitCodes.usage, 'the workflow completed; there is nothing to rerun');
}

async function readRerunInput(
  { client }: Session,
  { handle: { workflowId }, description }: WorkflowRef,
): Promise<PipelineInput> {
  const query = () => getPipelineHandle(client, workflowId).rerunInput();
  try {
    const input = await client.withDeadline(Date.now() + QUERY_TIMEOUT_MS, query);
    if (input !== undefined) return input;
  } catch (error) {
    if (isGrpcDeadlineError(error)) {
      throw noWorkerError(description.taskQueue, QUERY_TIMEOUT_MS, 'start one and try again');
    }
    if (!(error instanceof QueryNotRegisteredError)) throw error;
    const problem = 'the pipeline never began to collect, or its worker is too old to support rerun';
    throw new ExitError(exitCodes.usage, problem);
  }
  throw new ExitError(exitCodes.usage, 'no file is left to collect: only a step of the finish failed');
}

/** Activities of a terminated or timed-out workflow may still run. A pipeline that ends by itself waits for them. */
async function waitForOrphanedActivities(
  { stderr }: Io,
  { description: { status, closeTime } }: WorkflowRef,
): Promise<void> {
  if (status.name !== 'TERMINATED' && status.name !== 'TIMED_OUT') return;
  const leftMs = (closeTime?.getTime() ?? 0) + ORPHAN_GRACE_MS - Date.now();
  if (leftMs <= 0) return;
  stderr.write(`waiting ${formatDuration(leftMs)} for activities that may still be running\n`);
  await sleep(Math.min(leftMs, ORPHAN_GRACE_MS));
}
