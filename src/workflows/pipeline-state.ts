import { setCurrentDetails } from '@temporalio/workflow';
import type { ParsedPipelineInput } from '../shared/pipeline-input.js';
import type { JobFinished } from '../shared/pipeline-messages.js';
import type {
  ExportArchiveOutcome,
  JobOutcome,
  NextOutcome,
  PipelineEnding,
  PipelinePhase,
  PipelineProgress,
  PipelineReport,
  StopRuntimeOutcome,
} from '../shared/pipeline-report.js';
import { describeProgress } from './describe-progress.js';
import { FileList } from './file-list.js';
import { showInSearchAttributes } from './show-in-search-attributes.js';
import { toWarnings } from './to-warnings.js';

/** What the steps of a pipeline leave to each other, to its messages and to whoever looks at it. */
export class PipelineState {
  readonly input: ParsedPipelineInput;
  readonly files = new FileList();
  /** Those that were waited for so far, by id. */
  readonly jobs = new Map<string, JobOutcome>();
  /** What the signal said. */
  jobFinished?: JobFinished;
  runId?: string;
  isAbandoned = false;
  isCancelled = false;
  exportArchive?: ExportArchiveOutcome;
  stopRuntime?: StopRuntimeOutcome;
  next?: NextOutcome;
  #phase: PipelinePhase = 'waiting';

  constructor(input: ParsedPipelineInput) {
    this.input = input;
    this.files.add(input.files);
  }

  get phase(): PipelinePhase {
    return this.#phase;
  }

  get isFinishing(): boolean {
    return this.#phase === 'finishing' || this.#phase === 'done';
  }

  enter(phase: PipelinePhase): void {
    this.#phase = phase;
    showInSearchAttributes(this.progress);
    this.show();
  }

  /** To be called after every change that a person should see. It costs no history event. */
  show(): void {
    setCurrentDetails(describeProgress(this.progress));
  }

  /** Why no file is collected, as long as the jobs are what they are. */
  get reasonToLeaveFiles(): string | undefined {
    const unknown = this.#jobsInOrder.find(({ status }) => status === 'unknown');
    if (unknown !== undefined) return `it is not known how the job ${unknown.id} ended`;
    if (this.input.whenJobFails !== 'skip') return undefined;
    const failed = this.#jobsInOrder.find(({ status }) => status !== 'succeeded');
    return failed && `the job ${failed.id} has the status ${failed.status}`;
  }

  /** Jobs of which it is not known how they ended, or what files they name. */
  get openJobs(): JobOutcome[] {
    return this.#jobsInOrder.filter(({ problem }) => problem !== undefined);
  }

  /** Not all is there that has to be, and an operator could mend it. */
  get isIncomplete(): boolean {
    return this.files.counts.failed > 0 || this.openJobs.length > 0;
  }

  /** How the pipeline ends, as it looks now. */
  get ending(): PipelineEnding {
    if (this.isCancelled) return 'cancelled';
    if (this.isAbandoned) return 'abandoned';
    const steps = [this.exportArchive, this.stopRuntime];
    if (this.isIncomplete || steps.some((step) => step?.outcome === 'failed')) return 'failed';
    return this.files.counts.skipped > 0 ? 'skipped' : 'succeeded';
  }

  get report(): PipelineReport {
    const { files, runId, exportArchive, stopRuntime, next } = this;
    const outcomes = files.outcomes;
    return {
      runtimeId: this.input.runtimeId,
      ...(runId !== undefined && { runId }),
      ...(this.isFinishing && { ending: this.ending }),
      jobs: this.#jobsInOrder,
      counts: files.counts,
      bytes: files.bytes,
      files: outcomes,
      warnings: toWarnings(outcomes),
      ...(exportArchive && { exportArchive }),
      ...(stopRuntime && { stopRuntime }),
      ...(next && { next }),
    };
  }

  get progress(): PipelineProgress {
    return { phase: this.#phase, ...this.report };
  }

  get #jobsInOrder(): JobOutcome[] {
    const ids = new Set([...(this.input.waitFor?.invocationIds ?? []), ...this.jobs.keys()]);
    return [...ids].flatMap((id) => this.jobs.get(id) ?? []);
  }
}
