import { ActivityFailure, condition, proxyActivities, TimeoutFailure } from '@temporalio/workflow';
import type { BctrlActivities } from '../activities/create-activities.js';
import { type Duration, durationToMs } from '../shared/duration.js';
import { apiCheckpointSchema, heartbeatDetailsSchema } from '../shared/heartbeat-details.js';
import { MAX_FILES, type PipelineFile } from '../shared/pipeline-input.js';
import type { JobOutcome } from '../shared/pipeline-report.js';
import { truncatePath } from '../shared/truncate-line.js';
import { DEFAULT_WAIT_TIMEOUT, waitActivityOptions } from './activity-options.js';
import { isUnresolved, type PipelineState } from './pipeline-state.js';
import { toProblem } from './to-problem.js';

/** Stands for the job where a signal names none. */
const SIGNAL_JOB_ID = 'jobFinished';

/** A wait for the job that a late signal names asks at least once. */
const SHORTEST_WAIT_MS = 1_000;

const { waitForInvocation } = proxyActivities<BctrlActivities>(waitActivityOptions());

/** Waits for the jobs whose end is not known yet, and lists the files that they name. */
export async function waitForJobs(pipeline: PipelineState): Promise<void> {
  const { waitFor } = pipeline.input;
  if (waitFor === undefined || pipeline.phase !== 'waiting') return;
  pipeline.setPhase('waiting');
  if (waitFor.signal) await waitForSignal(pipeline);
  else await waitForInvocations(pipeline, waitFor.invocationIds ?? [], waitFor.timeout);
}

/** Waits for the signal, and for the invocation that it names, if it names one. */
async function waitForSignal(pipeline: PipelineState): Promise<void> {
  const timeout = pipeline.input.waitFor?.timeout ?? DEFAULT_WAIT_TIMEOUT;
  const deadlineMs = Date.now() + durationToMs(timeout);
  const isSignalled = () => pipeline.jobFinished !== undefined;
  await condition(isSignalled, timeout, { summary: 'wait for the signal jobFinished' });
  // A signal after the one that was wrong takes its place.
  pipeline.jobs.clear();
  const { invocationId, status = 'succeeded' } = pipeline.jobFinished ?? {};
  if (invocationId !== undefined) {
    const leftMs = Math.max(deadlineMs - Date.now(), SHORTEST_WAIT_MS);
    await waitForInvocations(pipeline, [invocationId], leftMs);
  } else {
    pipeline.jobs.set(SIGNAL_JOB_ID, toSignalledJob(pipeline, isSignalled() ? status : 'still_running'));
  }
}

function toSignalledJob({ input }: PipelineState, status: JobOutcome['status']): JobOutcome {
  const job = { id: SIGNAL_JOB_ID, status };
  if (status === 'still_running') {
    return { ...job, problem: { message: 'the signal jobFinished did not come in time' } };
  }
  if (input.filesFromOutput === undefined || status !== 'succeeded') return job;
  return {
    ...job,
    problem: { message: 'the signal jobFinished named no invocation that could have an output' },
  };
}

async function waitForInvocations(
  pipeline: PipelineState,
  invocationIds: readonly string[],
  timeout: Duration | undefined,
): Promise<void> {
  const unknown = [...new Set(invocationIds)].filter((id) => isUnresolved(pipeline.jobs.get(id)));
  const named = await Promise.all(unknown.map((id) => waitForJob(pipeline, id, timeout)));
  // In the order of the jobs, not of their ends, which the history does not tell exactly from those of messages.
  for (const [index, id] of unknown.entries()) addFiles(pipeline, id, named[index] ?? []);
  pipeline.jobsWithUnaddedFiles.clear();
  pipeline.updateCurrentDetails();
}

/** Notes how a job ended. Returns the files that its output names. */
async function waitForJob(
  pipeline: PipelineState,
  id: string,
  timeout: Duration | undefined,
): Promise<readonly PipelineFile[]> {
  const { runtimeId, filesFromOutput } = pipeline.input;
  const options = waitActivityOptions({
    ...pipeline.activityOptions(`wait for ${truncatePath(id)}`),
    giveUpAfter: timeout,
  });
  const task = { runtimeId, invocationId: id, filesFromOutput };
  let named: readonly PipelineFile[] = [];
  try {
    const { files = [], outputProblem, ...job } = await waitForInvocation.executeWithOptions(options, [task]);
    pipeline.jobs.set(id, outputProblem === undefined ? job : withProblem(job, outputProblem));
    named = files;
    if (files.length > 0) pipeline.jobsWithUnaddedFiles.add(id);
  } catch (error) {
    const problem = toProblem(subjectOf(id), error);
    pipeline.jobs.set(
      id,
      isTimeout(error) ? toStillRunningJob(id, lastStatus(error)) : { id, status: 'unknown', problem },
    );
  }
  pipeline.updateCurrentDetails();
  return named;
}

function addFiles({ files, jobs }: PipelineState, id: string, named: readonly PipelineFile[]): void {
  const job = jobs.get(id);
  if (files.canAdd(named)) files.add(named);
  else if (job)
    jobs.set(id, withProblem(job, `its output names more files than the ${MAX_FILES} of a pipeline`));
}

function toStillRunningJob(id: string, lastStatus: string | undefined): JobOutcome {
  const said = lastStatus === undefined ? '' : `; its status was "${lastStatus}"`;
  return withProblem({ id, status: 'still_running' }, `it had not ended in time${said}`);
}

/** As the API said it last, to the attempt that ran out of time. */
function lastStatus(error: unknown): string | undefined {
  const details =
    error instanceof ActivityFailure && error.cause instanceof TimeoutFailure
      ? heartbeatDetailsSchema.safeParse(error.cause.lastHeartbeatDetails).data
      : undefined;
  return apiCheckpointSchema.safeParse(details?.checkpoint).data?.jobStatus;
}

function withProblem(job: JobOutcome, problem: string): JobOutcome {
  return { ...job, problem: { message: `${subjectOf(job.id)}: ${problem}` } };
}

const subjectOf = (id: string) => `invocation ${truncatePath(id)}`;

/** The wait was over before the job, whatever the last attempt met. */
function isTimeout(error: unknown): boolean {
  return (
    error instanceof ActivityFailure &&
    (error.cause instanceof TimeoutFailure || error.retryState === 'TIMEOUT')
  );
}
