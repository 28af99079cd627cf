import { setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import { toFairnessKey } from '../shared/fairness-key.js';
import { parseInput } from '../shared/parse-input.js';
import {
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
  StopRuntimeOutcome,
} from '../shared/pipeline-report.js';
import type { BctrlActivityOptions } from './activity-options.js';
import { collectionKeyPrefix, mayRepeatEarlierRun } from './collection-key.js';
import { renderCurrentDetails } from './current-details.js';
import { FileList, type FileListState } from './file-list.js';
import { upsertPipelineSearchAttributes } from './search-attributes.js';

/** What a run of a pipeline hands to the next one, which collects the files that are left. */
export interface ContinueAsNewState {
  /** Of the chain of runs that it was made in. */
  readonly firstExecutionRunId: string;
  readonly files: FileListState;
  readonly mustCheckExisting: boolean;
  readonly jobs: readonly JobOutcome[];
  readonly jobFinished: JobFinishedInput | undefined;
  readonly runId: string | undefined;
  readonly exportArchive: ExportArchiveOutcome | undefined;
}

/**
 * The state of a pipeline at the beginning of this run. A client may have written both arguments, as for the first run and
 * for each one of a cron schedule. An earlier run of the chain has written them if they name its first run, whose id nobody
 * knows before the start.
 */
export function createPipelineState(
  input: unknown,
  previousState: ContinueAsNewState | undefined,
): PipelineState {
  const isContinued = previousState?.firstExecutionRunId === workflowInfo().firstExecutionRunId;
  if (isContinued) return new PipelineState(input as ParsedPipelineInput, previousState);
  return new PipelineState(parseInput(pipelineInputSchema, input));
}

/** It is not known how the job ended, or what files it names. */
export function isUnresolved(job: JobOutcome | undefined): boolean {
  return job === undefined || job.problem !== undefined;
}

/** What the steps of a pipeline leave to each other, to its messages and to whoever looks at it. */
export class PipelineState {
  readonly input: ParsedPipelineInput;
  readonly files: FileList;
  /** This run, or one before it, may repeat what another has done: files may have been collected of which it does not know, and have to be looked for. */
  readonly mustCheckExisting: boolean;
  /** Those that were waited for so far, by id. */
  readonly jobs: Map<string, JobOutcome>;
  /** Those that have ended, and whose files are listed when all have. */
  readonly jobsWithUnaddedFiles = new Set<string>();
  /** What the signal said. */
  jobFinished: JobFinishedInput | undefined;
  runId: string | undefined;
  isAbandoned = false;
  isCancelled = false;
  exportArchive: ExportArchiveOutcome | undefined;
  stopRuntime?: StopRuntimeOutcome;
  next?: NextOutcome;
  #phase: PipelinePhase = 'waiting';

  constructor(input: ParsedPipelineInput, previousState?: ContinueAsNewState) {
    this.input = input;
    this.mustCheckExisting =
      mayRepeatEarlierRun(previousState !== undefined) ||
      (previousState?.mustCheckExisting ?? false) ||
      input.rerunOf !== undefined;
    this.files = new FileList(previousState?.files);
    this.files.add(input.files);
    this.jobs = new Map(previousState?.jobs.map((job) => [job.id, job]));
    this.jobFinished = previousState?.jobFinished;
    this.runId = previousState?.runId;
    this.exportArchive = previousState?.exportArchive;
    if (previousState !== undefined) this.#phase = 'collecting';
  }

  toContinueAsNewState(): ContinueAsNewState {
    const { files, mustCheckExisting, jobs, jobFinished, runId, exportArchive } = this;
    const { firstExecutionRunId } = workflowInfo();
    return {
      firstExecutionRunId,
      files: files.toState(),
      mustCheckExisting,
      jobs: [...jobs.values()],
      jobFinished,
      runId,
      exportArchive,
    };
  }

  get phase(): PipelinePhase {
    return this.#phase;
  }

  get isFinishing(): boolean {
    return this.#phase === 'finishing' || this.#phase === 'done';
  }

  setPhase(phase: PipelinePhase): void {
    this.#phase = phase;
    upsertPipelineSearchAttributes(this.progress);
    this.updateCurrentDetails();
  }

  /** To be called after every change that a person should see. It costs no history event. */
  updateCurrentDetails(): void {
    setCurrentDetails(renderCurrentDetails(this.progress));
  }

  /** Why no file is collected, as long as the jobs are what they are. */
  get skipReason(): string | undefined {
    const { whenJobFails, onFailure } = this.input;
    const leaves = ({ status }: JobOutcome) => {
      if (status === 'succeeded') return false;
      // What is collected of a job that goes on may change: an operator can wait for it.
      const mayGoOn = status === 'still_running' || status === 'unknown';
      return whenJobFails === 'skip' || (mayGoOn && onFailure === 'hold');
    };
    const job = this.#jobsInOrder.find(leaves);
    return job && `the job ${job.id} has the status ${job.status}`;
  }

  /** Jobs of which it is not known how they ended, or what files they name. */
  get unresolvedJobs(): JobOutcome[] {
    return this.#jobsInOrder.filter(isUnresolved);
  }

  /** Not all is there that has to be, and an operator could mend it. */
  get isIncomplete(): boolean {
    return this.files.counts.failed > 0 || this.unresolvedJobs.length > 0;
  }

  get isHeldForJobs(): boolean {
    return this.#phase === 'held' && this.unresolvedJobs.length > 0;
  }

  /** Files are open, and nothing speaks against collecting them. */
  get hasFilesToCollect(): boolean {
    return this.files.hasPending && this.skipReason === undefined;
  }

  /** How the pipeline ends, as it looks now. */
  get outcome(): PipelineOutcome {
    if (this.isCancelled) return 'cancelled';
    if (this.isAbandoned) return 'abandoned';
    const steps = [this.exportArchive, this.stopRuntime];
    if (this.isIncomplete || steps.some((step) => step?.outcome === 'failed')) return 'failed';
    return this.files.counts.skipped > 0 ? 'skipped' : 'succeeded';
  }

  get report(): PipelineReport {
    const { files, runId, exportArchive, stopRuntime, next } = this;
    return {
      runtimeId: this.input.runtimeId,
      ...(runId !== undefined && { runId }),
      ...(this.isFinishing && { outcome: this.outcome }),
      jobs: this.#jobsInOrder,
      counts: files.counts,
      bytes: files.bytes,
      ...(files.duplicates > 0 && { duplicates: files.duplicates }),
      files: files.outcomes,
      warnings: files.warnings,
      ...(exportArchive && { exportArchive }),
      ...(stopRuntime && { stopRuntime }),
      ...(next && { next }),
    };
  }

  /** Options of an activity of this pipeline; the summary is one line for the UI. */
  activityOptions(summary: string): BctrlActivityOptions {
    const { runtimeId, giveUpAfter } = this.input;
    return {
      giveUpAfter,
      summary,
      fairnessKey: workflowInfo().priority?.fairnessKey || toFairnessKey(runtimeId),
    };
  }

  /** What a pipeline is started with that collects what this one has not, once this one has ended. */
  get rerunInput(): PipelineInput {
    const { waitFor: _, filesFromOutput, rerunOf, exportArchive, ...input } = this.input;
    // Files that are left because of how a job ended are left for good.
    const hasFailed = (job: JobOutcome) => !isUnresolved(job) && job.status !== 'succeeded';
    const isLeft = this.input.whenJobFails === 'skip' && this.#jobsInOrder.some(hasFailed);
    const waitFor = isLeft ? undefined : this.#remainingWait;
    return {
      ...input,
      files: isLeft ? [] : this.files.uncollected,
      ...(waitFor && { waitFor, ...(filesFromOutput !== undefined && { filesFromOutput }) }),
      // One that is there has its name.
      ...(exportArchive && this.exportArchive?.outcome !== 'exported' && { exportArchive }),
      rerunOf: rerunOf ?? collectionKeyPrefix(),
    };
  }

  /** The wait for the jobs of which it is not known how they ended, or whose files are not listed yet. */
  get #remainingWait(): PipelineInput['waitFor'] {
    const { waitFor } = this.input;
    if (waitFor === undefined) return undefined;
    const { invocationIds, ...others } = waitFor;
    const invocationId = this.jobFinished?.invocationId;
    const ids = invocationIds ?? (invocationId === undefined ? [] : [invocationId]);
    if (ids.length === 0) return this.jobs.size === 0 || this.unresolvedJobs.length > 0 ? others : undefined;
    const openIds = ids.filter((id) => isUnresolved(this.jobs.get(id)) || this.jobsWithUnaddedFiles.has(id));
    return openIds.length === 0 ? undefined : { timeout: waitFor.timeout, invocationIds: openIds };
  }

  /** The signal `jobFinished` would be heeded now. */
  get waitingForSignal(): boolean {
    if (!this.input.waitFor?.signal) return false;
    return this.isHeldForJobs || (this.#phase === 'waiting' && this.jobFinished === undefined);
  }

  get progress(): PipelineProgress {
    return { phase: this.#phase, ...(this.waitingForSignal && { waitingForSignal: true }), ...this.report };
  }

  get #jobsInOrder(): JobOutcome[] {
    const ids = new Set([...(this.input.waitFor?.invocationIds ?? []), ...this.jobs.keys()]);
    return [...ids].flatMap((id) => this.jobs.get(id) ?? []);
  }
}
