import { setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import { toFairnessKey } from '../shared/keys.js';
import { parseInput } from '../shared/parse-input.js';
import {
  continuedInputSchema,
  type ParsedPipelineInput,
  type PipelineInput,
  pipelineInputSchema,
} from '../shared/pipeline-input.js';
import type { JobFinishedInput } from '../shared/pipeline-messages.js';
import type {
  ExportArchiveOutcome,
  JobOutcome,
  NextOutcome,
  PipelineOutcome,
  PipelinePhase,
  PipelineProgress,
  PipelineReport,
  StartedWorkflow,
  StopRuntimeOutcome,
} from '../shared/pipeline-report.js';
import type { BctrlActivityOptions } from './activity-options.js';
import { collectionKeyPrefix, mayRepeatEarlierRun } from './collection-key.js';
import { type ContinueAsNewState, parseContinueAsNewState } from './continue-as-new-state.js';
import { FileList } from './file-list.js';
import { renderCurrentDetails, upsertPipelineSearchAttributes } from './temporal-ui.js';

/**
 * Creates the state of a pipeline from the arguments of its workflow.
 *
 * @throws ApplicationFailure `invalid_input`, naming the field, for a wrong input
 */
export function createPipelineState(input: unknown, previousState: unknown): PipelineState {
  const previous = parseContinueAsNewState(previousState);
  return previous
    ? new PipelineState(continuedInputSchema.parse(input), previous)
    : new PipelineState(parseInput(pipelineInputSchema, input));
}

/** Whether it is unknown how the job ended, or what files it names. */
export function isUnresolved(job: JobOutcome | undefined): boolean {
  return job === undefined || job.problem !== undefined;
}

/** What the steps and the message handlers of a pipeline share. */
export class PipelineState {
  readonly input: ParsedPipelineInput;
  readonly files: FileList;
  /** This run, or one that it continues, may repeat an earlier run, whose files have to be looked up. */
  readonly mustCheckExisting: boolean;
  /** Jobs that the pipeline has waited for, by id. */
  readonly jobs: Map<string, JobOutcome>;
  /** Ids of jobs that have ended and whose files are added as soon as all jobs have. */
  readonly jobsWithUnaddedFiles = new Set<string>();
  /** Argument of the signal `jobFinished`, once it was accepted. */
  jobFinished: JobFinishedInput | undefined;
  runId: string | undefined;
  isAbandoned = false;
  isCancelled = false;
  exportArchive: ExportArchiveOutcome | undefined;
  stopRuntime?: StopRuntimeOutcome;
  next?: NextOutcome;
  onClose?: StartedWorkflow;
  /** How many times this run was held. */
  holds = 0;
  #phase: PipelinePhase = 'waiting';

  constructor(input: ParsedPipelineInput, previous?: ContinueAsNewState) {
    this.input = input;
    this.mustCheckExisting =
      mayRepeatEarlierRun(previous !== undefined) ||
      (previous?.mustCheckExisting ?? false) ||
      input.rerunOf !== undefined;
    this.files = new FileList(previous?.files);
    this.files.add(input.files);
    this.jobs = new Map(previous?.jobs.map((job) => [job.id, job]));
    this.jobFinished = previous?.jobFinished;
    this.runId = previous?.runId;
    this.exportArchive = previous?.exportArchive;
    if (previous !== undefined) this.#phase = previous.phase ?? 'collecting';
  }

  toContinueAsNewState(): ContinueAsNewState {
    const { files, mustCheckExisting, jobs, jobFinished, runId, exportArchive } = this;
    return {
      firstExecutionRunId: workflowInfo().firstExecutionRunId,
      files: files.toState(),
      mustCheckExisting,
      phase: this.#phase === 'waiting' ? 'waiting' : undefined,
      jobs: [...jobs.values()],
      jobFinished,
      runId,
      // Before the finish, there is no outcome but a run that could not be found.
      exportArchive: exportArchive?.outcome === 'failed' ? exportArchive : undefined,
    };
  }

  get phase(): PipelinePhase {
    return this.#phase;
  }

  setPhase(phase: PipelinePhase): void {
    this.#phase = phase;
    upsertPipelineSearchAttributes(this.progress);
    this.updateCurrentDetails();
  }

  /** Call it after every change that a person should see. It costs no history event. */
  updateCurrentDetails(): void {
    setCurrentDetails(renderCurrentDetails(this.progress));
  }

  get isFinishing(): boolean {
    return this.#phase === 'finishing' || this.#phase === 'done';
  }

  /** Why no files are collected while the jobs are as they are. `undefined` if files are collected. */
  get skipReason(): string | undefined {
    const { whenJobFails, onFailure } = this.input;
    const preventsCollecting = ({ status }: JobOutcome) => {
      if (status === 'succeeded') return false;
      // A job that still runs may change its files. An operator can wait for it.
      const mayStillRun = status === 'still_running' || status === 'unknown';
      return whenJobFails === 'skip' || (mayStillRun && onFailure === 'hold');
    };
    const job = this.#jobsInOrder.find(preventsCollecting);
    return job && `the job ${job.id} has the status ${job.status}`;
  }

  /** Jobs of which it is unknown how they ended, or what files they name. */
  get unresolvedJobs(): JobOutcome[] {
    return this.#jobsInOrder.filter(isUnresolved);
  }

  /** Whether files failed or jobs are unresolved, which an operator may be able to fix. */
  get isIncomplete(): boolean {
    return this.files.counts.failed > 0 || this.unresolvedJobs.length > 0;
  }

  get isHeldForJobs(): boolean {
    return this.#phase === 'held' && this.unresolvedJobs.length > 0;
  }

  /** Whether the signal `jobFinished` would be accepted. */
  get waitingForSignal(): boolean {
    if (!this.input.waitFor?.signal) return false;
    return this.isHeldForJobs || (this.#phase === 'waiting' && this.jobFinished === undefined);
  }

  get hasFilesToCollect(): boolean {
    return this.files.hasPending && this.skipReason === undefined;
  }

  /** How the pipeline would end now. */
  get outcome(): PipelineOutcome {
    if (this.isCancelled) return 'cancelled';
    if (this.isAbandoned) return 'abandoned';
    const steps = [this.exportArchive, this.stopRuntime];
    if (this.isIncomplete || steps.some((step) => step?.outcome === 'failed')) return 'failed';
    return this.files.counts.skipped > 0 ? 'skipped' : 'succeeded';
  }

  get report(): PipelineReport {
    const { files, runId, exportArchive, stopRuntime, next, onClose } = this;
    return {
      runtimeId: this.input.runtimeId,
      ...(runId !== undefined && { runId }),
      ...(this.isFinishing && { outcome: this.outcome }),
      jobs: this.#jobsInOrder,
      counts: files.counts,
      bytes: files.bytes,
      ...(files.duplicates > 0 && { duplicates: files.duplicates }),
      files: files.outcomes,
      warnings: files.warnings.all,
      ...(exportArchive && { exportArchive }),
      ...(stopRuntime && { stopRuntime }),
      ...(next && { next }),
      ...(onClose && { onClose }),
    };
  }

  get progress(): PipelineProgress {
    return { phase: this.#phase, ...(this.waitingForSignal && { waitingForSignal: true }), ...this.report };
  }

  /** Spread it into the input of each activity. An input without account has no field, as it had before there were accounts. */
  get accountInput(): { readonly account?: string } {
    const { account } = this.input;
    return account === undefined ? {} : { account };
  }

  /** Options for an activity of this pipeline. `summary` is one line for the UI. */
  optionsFor(summary: string): BctrlActivityOptions {
    const { runtimeId, giveUpAfter } = this.input;
    const fairnessKey = workflowInfo().priority?.fairnessKey || toFairnessKey(runtimeId);
    return { giveUpAfter, summary, fairnessKey };
  }

  /** Input for a pipeline that collects, after this one has closed, what this one did not collect. */
  get rerunInput(): PipelineInput {
    const { waitFor: _, filesFromOutput, rerunOf, exportArchive, ...input } = this.input;
    // Files that are skipped because a job failed stay skipped.
    const hasFailed = (job: JobOutcome) => !isUnresolved(job) && job.status !== 'succeeded';
    const leavesFiles = this.input.whenJobFails === 'skip' && this.#jobsInOrder.some(hasFailed);
    const waitFor = leavesFiles ? undefined : this.#remainingWait;
    return {
      ...input,
      files: leavesFiles ? [] : this.files.uncollected,
      ...(waitFor && { waitFor, ...(filesFromOutput !== undefined && { filesFromOutput }) }),
      // A second archive would have the same name as the first.
      ...(exportArchive && this.exportArchive?.outcome !== 'exported' && { exportArchive }),
      rerunOf: rerunOf ?? collectionKeyPrefix(),
    };
  }

  /** The wait for the jobs that are unresolved, or whose files are not added yet. */
  get #remainingWait(): PipelineInput['waitFor'] {
    const { waitFor } = this.input;
    if (waitFor === undefined) return undefined;
    const invocationId = this.jobFinished?.invocationId;
    const ids = waitFor.invocationIds ?? (invocationId === undefined ? [] : [invocationId]);
    if (ids.length === 0) return this.jobs.size === 0 || this.unresolvedJobs.length > 0 ? waitFor : undefined;
    const remaining = ids.filter(
      (id) => isUnresolved(this.jobs.get(id)) || this.jobsWithUnaddedFiles.has(id),
    );
    return remaining.length === 0 ? undefined : { timeout: waitFor.timeout, invocationIds: remaining };
  }

  get #jobsInOrder(): JobOutcome[] {
    const ids = new Set([...(this.input.waitFor?.invocationIds ?? []), ...this.jobs.keys()]);
    return [...ids].flatMap((id) => this.jobs.get(id) ?? []);
  }
}
