import { condition, proxyActivities } from '@temporalio/workflow';
import type { BctrlActivities } from '../activities/create-activities.js';
import { truncatePath } from '../shared/display-text.js';
import { type Duration, durationToMs } from '../shared/duration.js';
import { apiCheckpointSchema } from '../shared/heartbeat-details.js';
import { MAX_FILES, type PipelineFile } from '../shared/pipeline-input.js';
import type { JobOutcome } from '../shared/pipeline-report.js';
import { isTimeout, readCheckpoint, toProblem } from './activity-failure.js';
import { DEFAULT_WAIT_TIMEOUT, waitActivityOptions } from './activity-options.js';
import { isUnresolved, type PipelineState } from './pipeline-state.js';

/** Id of the job if the signal names none. */
const SIGNAL_JOB_ID = 'jobFinished';

/** The job that a late signal names is asked for at least once. */
const MIN_WAIT_MS = 1_000;

const { waitForInvocation } = proxyActivities<BctrlActivities>(waitActivityOptions());

/** Waits for the unresolved jobs, and adds the files that their outputs name. */
export function waitForJobs(pipeline: PipelineState): Promise<void> {
  const { waitFor } = pipeline.input;
  if (waitFor === undefined || pipeline.phase !== 'waiting') return Promise.resolve();
  pipeline.setPhase('waiting');
  if (waitFor.signal) return waitForSignal(pipeline, waitFor.timeout);
  return waitForInvocations(pipeline, waitFor.invocationIds ?? [], waitFor.timeout);
}

/** Waits for the signal, and for the invocation that it names. The API is not asked if the signal has no `invocationId`. */
async function waitForSignal(
  pipeline: PipelineState,
  timeout: Duration = DEFAULT_WAIT_TIMEOUT,
): Promise<void> {
  const deadlineMs = Date.now() + durationToMs(timeout);
  const isSignalled = () => pipeline.jobFinished !== undefined;
  await condition(isSignalled, timeout, { summary: 'wait for the signal jobFinished' });
  // A held pipeline accepts another signal, which replaces the job of the first one.
  pipeline.jobs.clear();
  const { invocationId, status = 'succeeded' } = pipeline.jobFinished ?? {};
  if (invocationId !== undefined) {
    await waitForInvocations(pipeline, [invocationId], Math.max(deadlineMs - Date.now(), MIN_WAIT_MS));
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
    problem: {
      message: 'the signal jobFinished named no invocation, so there is no output to read files from',
    },
  };
}

async function waitForInvocations(
  pipeline: PipelineState,
  invocationIds: readonly string[],
  timeout: Duration | undefined,
): Promise<void> {
  const unresolved = [...new Set(invocationIds)].filter((id) => isUnresolved(pipeline.jobs.get(id)));
  const waits = unresolved.map((id) => waitForJob(pipeline, id, timeout));
  const [first, ...others] = waits;
  const filesOfJobs = first && others.length === 0 ? [await first] : await Promise.all(waits);
  // Add files in job order: completion order is not deterministic on replay.
  for (const [index, id] of unresolved.entries()) addFiles(pipeline, id, filesOfJobs[index] ?? []);
  pipeline.jobsWithUnaddedFiles.clear();
  pipeline.updateCurrentDetails();
}

/** Sets the outcome of a job. Returns the files that its output names. */
async function waitForJob(
  pipeline: PipelineState,
  id: string,
  timeout: Duration | undefined,
): Promise<readonly PipelineFile[]> {
  const { runtimeId, filesFromOutput } = pipeline.input;
  const options = waitActivityOptions({
    ...pipeline.optionsFor(`wait for ${truncatePath(id)}`),
    waitTimeout: timeout,
  });
  const activityInput = { runtimeId, invocationId: id, filesFromOutput, ...pipeline.accountInput };
  let files: readonly PipelineFile[] = [];
  try {
    const {
      files: named = [],
      outputProblem,
      ...job
    } = await waitForInvocation.executeWithOptions(options, [activityInput]);
    pipeline.jobs.set(id, outputProblem === undefined ? job : withProblem(job, outputProblem));
    if (named.length > 0) pipeline.jobsWithUnaddedFiles.add(id);
    files = named;
  } catch (error) {
    const problem = toProblem(toSubject(id), error);
    pipeline.jobs.set(
      id,
      isTimeout(error) ? toStillRunningJob(id, error) : { id, status: 'unknown', problem },
    );
  }
  pipeline.updateCurrentDetails();
  return files;
}

function addFiles({ files, jobs }: PipelineState, id: string, named: readonly PipelineFile[]): void {
  const job = jobs.get(id);
  if (files.canAdd(named)) files.add(named);
  else if (job) {
    jobs.set(id, withProblem(job, `its output names more files than the ${MAX_FILES} of a pipeline`));
  }
}

function toStillRunningJob(id: string, error: unknown): JobOutcome {
  const { jobStatus } = readCheckpoint(apiCheckpointSchema, error) ?? {};
  const lastStatus = jobStatus === undefined ? '' : `; its status was "${jobStatus}"`;
  return withProblem({ id, status: 'still_running' }, `it did not end in time${lastStatus}`);
}

function withProblem(job: JobOutcome, problem: string): JobOutcome {
  return { ...job, problem: { message: `${toSubject(job.id)}: ${problem}` } };
}

function toSubject(id: string): string {
  return `invocation ${truncatePath(id)}`;
}
