import type { Client, WorkflowHandle } from '@temporalio/client';
import {
  ABANDON_UPDATE,
  ADD_FILES_UPDATE,
  JOB_FINISHED_SIGNAL,
  PROGRESS_QUERY,
  RERUN_INPUT_QUERY,
  RESUME_UPDATE,
} from '../shared/names.js';
import { parseInput } from '../shared/parse-input.js';
import type { PipelineInput } from '../shared/pipeline-input.js';
import {
  type AbandonResult,
  type AddFilesInput,
  type AddFilesResult,
  addFilesInputSchema,
  type JobFinishedInput,
  jobFinishedInputSchema,
  type ResumeInput,
  type ResumeResult,
  resumeInputSchema,
} from '../shared/pipeline-messages.js';
import type { PipelineProgress, PipelineReport } from '../shared/pipeline-report.js';
import { updatePipeline } from './update-pipeline.js';

/**
 * Steers a pipeline: the newest one of its workflow id.
 *
 * Every method rejects with `WorkflowNotFoundError` if there is no such pipeline, and with `ServiceError` if Temporal cannot be
 * reached. A wrong argument is refused before anything is sent, with an `ApplicationFailure` of type `invalid_input` that names
 * the field.
 *
 * Queries and updates wait for a worker; `client.withDeadline` bounds the wait, that of an update to within 3 seconds. An update
 * is applied once, however often the request is repeated, and follows a pipeline that continues as new. It rejects with
 * - `WorkflowUpdateFailedError` if the pipeline refuses it: `message` says why, `cause` is the `ApplicationFailure`;
 * - `WorkflowNotFoundError` if the pipeline has ended;
 * - `WorkflowUpdateRPCTimeoutOrCancelledError` after the deadline. The update may have been applied: see `progress()`.
 */
export interface PipelineHandle {
  /** Workflow id of the pipeline. */
  readonly workflowId: string;
  /** Temporal's own handle, for everything else: cancel, terminate, describe, history. */
  readonly workflowHandle: WorkflowHandle<(input: PipelineInput) => Promise<PipelineReport>>;
  /**
   * Waits until the pipeline ends.
   *
   * @throws WorkflowFailedError if the pipeline fails, is cancelled or is terminated. `readReport` reads the report from it.
   */
  result(): Promise<PipelineReport>;
  /** The report so far and the phase. An ended pipeline answers too, until Temporal deletes it. */
  progress(): Promise<PipelineProgress>;
  /** Adds files. A held pipeline collects them when it is resumed. Refused when the pipeline is finishing. */
  addFiles(input: AddFilesInput): Promise<AddFilesResult>;
  /** Retries what failed in a held pipeline, by default all of it. Refused in any other phase. */
  resume(input?: ResumeInput): Promise<ResumeResult>;
  /** Lets a held pipeline finish with what it has, and fail. Refused in any other phase. */
  abandon(): Promise<AbandonResult>;
  /**
   * Ends the wait of a pipeline that was started with `waitFor: { signal: true }`. It is a signal: it needs no worker, and a
   * pipeline that does not wait for it ignores it. Where it matters, see `waitingForSignal` of `progress()` first.
   */
  jobFinished(input?: JobFinishedInput): Promise<void>;
  /**
   * Input for `startPipeline`, with the same `workflowId` and `again: 'if-failed'`, that collects what this pipeline did not
   * collect. Ask for it when the pipeline has ended. `undefined` if nothing is left to collect.
   */
  rerunInput(): Promise<PipelineInput | undefined>;
}

/** Returns a handle to the pipeline with this workflow id. It sends no request, so the pipeline may not exist. */
export function getPipelineHandle(client: Client, workflowId: string): PipelineHandle {
  const workflowHandle: PipelineHandle['workflowHandle'] = client.workflow.getHandle(workflowId);
  return {
    workflowId,
    workflowHandle,
    result: () => workflowHandle.result(),
    progress: () => workflowHandle.query<PipelineProgress>(PROGRESS_QUERY),
    async addFiles(input) {
      return await updatePipeline(
        client,
        workflowId,
        ADD_FILES_UPDATE,
        parseInput(addFilesInputSchema, input),
      );
    },
    async resume(input = {}) {
      return await updatePipeline(client, workflowId, RESUME_UPDATE, parseInput(resumeInputSchema, input));
    },
    abandon: () => updatePipeline(client, workflowId, ABANDON_UPDATE),
    async jobFinished(input = {}) {
      await workflowHandle.signal(JOB_FINISHED_SIGNAL, parseInput(jobFinishedInputSchema, input));
    },
    async rerunInput() {
      const input = await workflowHandle.query<PipelineInput>(RERUN_INPUT_QUERY);
      return input.files?.length || input.waitFor ? input : undefined;
    },
  };
}
