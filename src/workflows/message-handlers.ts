import {
  ApplicationFailure,
  defineQuery,
  defineSignal,
  defineUpdate,
  log,
  setHandler,
} from '@temporalio/workflow';
import { formatZodError } from '../shared/format-zod-error.js';
import {
  ABANDON_UPDATE,
  ADD_FILES_UPDATE,
  JOB_FINISHED_SIGNAL,
  PROGRESS_QUERY,
  RERUN_INPUT_QUERY,
  RESUME_UPDATE,
} from '../shared/names.js';
import { parseInput } from '../shared/parse-input.js';
import { MAX_FILES, MAX_LIST_BYTES, type PipelineInput } from '../shared/pipeline-input.js';
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
import type { PipelineProgress } from '../shared/pipeline-report.js';
import { truncatePath } from '../shared/truncate-line.js';
import type { PipelineState } from './pipeline-state.js';

/** What a pipeline has done so far, at any time of its life and after it. */
export const progressQuery = defineQuery<PipelineProgress>(PROGRESS_QUERY);

/**
 * What to start a pipeline with, under the same workflow id, that collects what this one has not: asked of one that has ended.
 * Without `files` and `waitFor` there is nothing to collect.
 */
export const rerunInputQuery = defineQuery<PipelineInput>(RERUN_INPUT_QUERY);

/**
 * Ends the wait of a pipeline that was started with `waitFor: { signal: true }`. The first one counts; one that a pipeline
 * is held for can be replaced before it is resumed. What is ignored, as a wrong argument is too, is logged.
 */
export const jobFinishedSignal = defineSignal<[JobFinishedInput?]>(JOB_FINISHED_SIGNAL);

/** Further files to collect; refused once the pipeline is finishing. Of a held pipeline they are collected when it is resumed. */
export const addFilesUpdate = defineUpdate<AddFilesResult, [AddFilesInput]>(ADD_FILES_UPDATE);

/** Tries again what has failed in a held pipeline; refused in any other phase. */
export const resumeUpdate = defineUpdate<ResumeResult, [ResumeInput?]>(RESUME_UPDATE);

/** Lets a held pipeline finish and fail with what it has; refused in any other phase. */
export const abandonUpdate = defineUpdate<AbandonResult>(ABANDON_UPDATE);

/** Takes the messages of a pipeline from now on, also those that came before it began. */
export function registerHandlers(pipeline: PipelineState): void {
  const { files } = pipeline;

  setHandler(progressQuery, () => pipeline.progress);
  setHandler(rerunInputQuery, () => pipeline.rerunInput);

  setHandler(jobFinishedSignal, (input = {}) => {
    const { data, error } = jobFinishedInputSchema.safeParse(input);
    if (error)
      log.warn('The signal jobFinished is ignored: its argument is wrong', { error: formatZodError(error) });
    else if (pipeline.jobFinished === undefined || pipeline.isHeldForJobs) pipeline.jobFinished = data;
    else log.warn('The signal jobFinished is ignored: there was one before');
  });

  setHandler(
    addFilesUpdate,
    (input) => {
      const wanted = parseInput(addFilesInputSchema, input).files;
      const added = files.add(wanted);
      pipeline.updateCurrentDetails();
      return { added, known: wanted.length - added };
    },
    {
      validator(input) {
        const wanted = parseInput(addFilesInputSchema, input).files;
        if (pipeline.isFinishing) throw conflict('the pipeline is finishing and takes no more files');
        if (!files.canAdd(wanted)) {
          const most = `at most ${MAX_FILES} of ${MAX_LIST_BYTES} bytes in all`;
          throw conflict(`files: the pipeline has ${files.counts.files}, and ${most}`);
        }
      },
    },
  );

  setHandler(
    resumeUpdate,
    (input = {}) => {
      const jobs = input.runtimePaths === undefined ? pipeline.unresolvedJobs.length : 0;
      const resumed = { files: files.requeueFailed(input.runtimePaths), jobs };
      pipeline.setPhase(jobs > 0 ? 'waiting' : 'collecting');
      return resumed;
    },
    {
      validator(input = {}) {
        const { runtimePaths = [] } = parseInput(resumeInputSchema, input);
        assertHeld(pipeline);
        const failed = files.failedPaths;
        const other = runtimePaths.find((path) => !failed.has(path));
        if (other !== undefined) throw conflict(`"${truncatePath(other)}" is not among the failed files`);
      },
    },
  );

  setHandler(
    abandonUpdate,
    () => {
      pipeline.isAbandoned = true;
      pipeline.setPhase('finishing');
      const { counts } = files;
      return { files: counts.files - counts.collected - counts.kept - counts.missing };
    },
    { validator: () => assertHeld(pipeline) },
  );
}

function assertHeld({ phase }: PipelineState): void {
  if (phase !== 'held') throw conflict(`the pipeline is not held, it is ${phase}`);
}

function conflict(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'conflict');
}
