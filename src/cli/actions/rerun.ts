import { setTimeout as sleep } from 'node:timers/promises';
import { isGrpcDeadlineError, QueryNotRegisteredError } from '@temporalio/client';
import { type ExitCode, ExitError, exitCodes } from '../../exit.js';
import { RERUN_INPUT_QUERY } from '../../shared/names.js';
import { type PipelineInput, pipelineInputSchema } from '../../shared/pipeline-input.js';
import { parseInput } from '../input/parse-input.js';
import type { Io } from '../io.js';
import { formatDuration } from '../show/format-duration.js';
import { type Session, withTemporal } from '../temporal/connect.js';
import { findPipeline, type WorkflowRef } from '../temporal/find-workflow.js';
import { noWorkerError } from '../temporal/update-pipeline.js';
import { checkStartOptions, type StartOptions, startPipeline, toPipeline } from './start-pipeline.js';

const QUERY_TIMEOUT_MS = 10_000;

/** An activity learns of the end of its workflow with a heartbeat, every few seconds, and ends its requests then. */
const ORPHAN_GRACE_MS = 15_000;

/** `rerun`: collects what a pipeline has not that has ended, under the same workflow id and collection keys. */
export async function rerunCommand(io: Io, workflowId: string, options: StartOptions): Promise<ExitCode> {
  checkStartOptions(options);
  return await withTemporal(async (session) => {
    const failed = await findPipeline(session, workflowId);
    const { name } = failed.description.status;
    if (name === 'RUNNING') {
      throw new ExitError(
        exitCodes.usage,
        'it has not ended; one that is held goes on with bctrl-temporal resume',
      );
    }
    if (name === 'COMPLETED') throw new ExitError(exitCodes.usage, 'nothing of it has failed');
    const input = parseInput(pipelineInputSchema, await readRerunInput(session, failed));
    await waitForOrphanedActivities(io, failed.description);
    const pipeline = toPipeline(input, workflowId, 'if-failed');
    if (options.dryRun) return (await import('../show/show-plan.js')).printDryRun(io, pipeline, options);
    return await startPipeline(session, io, pipeline, options);
  });
}

/** What was terminated, or has run out of time, may still be at it. A pipeline that ends by itself waits for that. */
async function waitForOrphanedActivities(
  { stderr }: Io,
  { status: { name }, closeTime }: WorkflowRef['description'],
): Promise<void> {
  if (name !== 'TERMINATED' && name !== 'TIMED_OUT') return;
  const leftMs = (closeTime?.getTime() ?? 0) + ORPHAN_GRACE_MS - Date.now();
  if (leftMs <= 0) return;
  stderr.write(`waiting ${formatDuration(leftMs)} for what it had begun\n`);
  await sleep(Math.min(leftMs, ORPHAN_GRACE_MS));
}

async function readRerunInput({ client, config }: Session, { handle }: WorkflowRef): Promise<PipelineInput> {
  const query = () => handle.query<PipelineInput>(RERUN_INPUT_QUERY);
  try {
    const input = await client.withDeadline(Date.now() + QUERY_TIMEOUT_MS, query);
    if (input.files?.length || input.waitFor) return input;
  } catch (error) {
    if (isGrpcDeadlineError(error)) {
      throw noWorkerError(config.taskQueue, QUERY_TIMEOUT_MS, 'try again when one runs');
    }
    if (!(error instanceof QueryNotRegisteredError)) throw error;
    throw new ExitError(
      exitCodes.usage,
      'it never came to collect anything, or its worker is too old to tell',
    );
  }
  throw new ExitError(exitCodes.usage, 'no file of it is uncollected: what has failed is its finish');
}
