import { setTimeout as sleep } from 'node:timers/promises';
import { isGrpcDeadlineError, QueryNotRegisteredError } from '@temporalio/client';
import { grpcStatus } from '../../client/grpc-status.js';
import { getPipelineHandle } from '../../client/pipeline-handle.js';
import { startPipeline } from '../../client/start-pipeline.js';
import { type ExitCode, ExitError, exitCodes } from '../../exit.js';
import { formatCountOf } from '../../shared/display-text.js';
import {
  type ParsedPipelineInput,
  type PipelineInput,
  pipelineInputSchema,
} from '../../shared/pipeline-input.js';
import type { ReasonClass } from '../../shared/reason-class.js';
import { parseFields } from '../input/parse-fields.js';
import type { Io } from '../io.js';
import { formatDuration } from '../output/format.js';
import { countsText, isPipelineReport } from '../output/report-lines.js';
import { fetchEvents } from '../temporal/fetch-events.js';
import { findPipeline, type WorkflowRef } from '../temporal/find-pipelines.js';
import { hasStatus, type Session, withTemporal } from '../temporal/session.js';
import { noWorkerError } from '../temporal/update-pipeline.js';
import { type BulkAction, type Outcome, runForEach, type SelectOptions } from './for-each-pipeline.js';
import { type FailedPipelines, selectFailed } from './select-failed.js';
import {
  checkStartOptions,
  type PipelineToStart,
  printDryRun,
  type StartOptions,
  startAndPrint,
} from './start.js';
import { toExitCode, waitWithProgress } from './wait-and-print.js';

/** Enough for a worker that first has to replay a long history. */
const QUERY_TIMEOUT_MS = 10_000;

/** An activity learns from its next heartbeat, every few seconds, that its workflow is closed, and aborts its requests. */
const ORPHAN_GRACE_MS = 15_000;

type RerunOptions = StartOptions &
  Pick<SelectOptions, 'runtime' | 'yes'> & {
    readonly allFailed?: boolean;
    /** Milliseconds. */
    readonly since?: number;
    readonly class?: readonly ReasonClass[];
    readonly ifExists?: 'fail' | 'keep';
  };

/** `rerun`: retries only the files that ended pipelines did not collect, with their workflow ids and collection keys. */
export async function rerunCommand(
  io: Io,
  workflowIds: readonly string[],
  options: RerunOptions,
): Promise<ExitCode> {
  checkStartOptions(options);
  const { allFailed, since, class: classes, runtime } = options;
  const isSelected = allFailed || runtime !== undefined;
  if (isSelected === workflowIds.length > 0) {
    throw new ExitError(exitCodes.usage, 'expected either workflow ids, or --all-failed or --runtime');
  }
  if (!isSelected && (since !== undefined || classes !== undefined)) {
    throw new ExitError(exitCodes.usage, '--since and --class need --all-failed or --runtime');
  }
  return await withTemporal(io, async (session) => {
    const [workflowId, ...more] = workflowIds;
    if (workflowId !== undefined && more.length === 0)
      return await rerunOne(session, io, workflowId, options);
    const filter = { sinceMs: since, classes, runtimeId: runtime };
    const selected = isSelected ? await selectFailed(session, filter) : { workflowIds, others: '' };
    return await rerunMany(session, io, { ...selected, isSelected }, options);
  });
}

async function rerunOne(
  session: Session,
  io: Io,
  workflowId: string,
  options: RerunOptions,
): Promise<ExitCode> {
  const pipeline = await toRerun(session, io, await findPipeline(session, workflowId), options);
  if (options.dryRun) return await printDryRun(io, pipeline, options);
  return await startAndPrint(session, io, pipeline, options);
}

async function rerunMany(
  session: Session,
  io: Io,
  { workflowIds, others, isSelected }: FailedPipelines & { readonly isSelected: boolean },
  options: RerunOptions,
): Promise<ExitCode> {
  const { dryRun, wait } = options;
  const action: BulkAction<{ readonly files: number; readonly isNew: boolean }> = {
    verb: 'rerun',
    pastTense: dryRun ? 'would-start' : 'started',
    isDryRun: dryRun,
    none: others === '' ? 'no pipelines to rerun' : `no pipelines to rerun (${others})`,
    prepare: async (_, found) => {
      // Somebody else may have been faster.
      const { name } = found.description.status;
      if (isSelected && (name === 'RUNNING' || name === 'COMPLETED')) {
        return async () => ({ files: 0, isNew: false });
      }
      const { input, ...pipeline } = await toRerun(session, io, found, options);
      const files = input.files.length;
      if (dryRun) return async () => ({ files, isNew: true });
      return async () => ({ files, isNew: (await startPipeline(session.client, input, pipeline)).isNew });
    },
    describe: ({ files, isNew }) => (isNew ? formatCountOf(files, 'file') : 'has been rerun already'),
    finish: wait && !dryRun ? (_, outcome) => waitForRerun(session, io, outcome, options) : undefined,
  };
  return await runForEach(session, io, workflowIds, options, action);
}

async function waitForRerun(
  session: Session,
  io: Io,
  { workflowId }: Outcome,
  options: RerunOptions,
): Promise<Outcome> {
  const handle = session.client.workflow.getHandle(workflowId);
  const waited = await waitWithProgress(session, io, handle, { ...options, showProgress: false });
  const { status, result, failure } = waited;
  const counts = isPipelineReport(result) ? countsText(result) : failure?.message;
  return {
    workflowId,
    outcome: waited.isHeld ? 'held' : status,
    fields: { result, failure },
    text: counts ?? '',
    code: toExitCode(waited),
  };
}

/** @throws ExitError if the pipeline cannot be rerun, or nothing is left to collect */
async function toRerun(
  session: Session,
  io: Io,
  ended: WorkflowRef,
  { ifExists }: RerunOptions,
): Promise<PipelineToStart> {
  const { workflowId, taskQueue } = ended.description;
  assertEndedWithoutSuccess(ended);
  const input = parseFields(pipelineInputSchema, await readRerunInput(session, ended));
  await waitForOrphanedActivities(io, ended);
  return { input: withIfExists(input, ifExists), workflowId, taskQueue, again: 'if-failed' };
}

/** Files that the outputs of its jobs name keep what the output says. */
function withIfExists(input: ParsedPipelineInput, ifExists: RerunOptions['ifExists']): ParsedPipelineInput {
  if (ifExists === undefined) return input;
  return { ...input, files: input.files.map((file) => ({ ...file, ifExists })) };
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
  session: Session,
  { handle, description }: WorkflowRef,
): Promise<PipelineInput> {
  const { client } = session;
  const query = () => getPipelineHandle(client, handle.workflowId).rerunInput();
  try {
    const input = await client.withDeadline(Date.now() + QUERY_TIMEOUT_MS, query);
    if (input !== undefined) return input;
  } catch (error) {
    if (isGrpcDeadlineError(error)) {
      throw noWorkerError(description.taskQueue, QUERY_TIMEOUT_MS, 'start one and try again');
    }
    // The server refuses to query a workflow that closed before a worker had it, or while its workflow task failed.
    if (hasStatus(error, grpcStatus.FAILED_PRECONDITION)) {
      const events = await fetchEvents(session, description);
      const problem = events.some((event) => event.workflowTaskCompletedEventAttributes)
        ? 'its workflow task failed, so that it cannot say what is left; reset it instead (docs/runbook.md)'
        : 'the pipeline never began to collect; start it again instead';
      throw new ExitError(exitCodes.usage, problem);
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
