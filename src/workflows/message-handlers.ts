import type { QueryDefinition, SignalDefinition, UpdateDefinition } from '@temporalio/common';
import { defineQuery, defineSignal, defineUpdate, log, setHandler } from '@temporalio/workflow';
import { formatCountOf, truncatePath } from '../shared/display-text.js';
import {
  ABANDON_UPDATE,
  ADD_FILES_UPDATE,
  JOB_FINISHED_SIGNAL,
  PROGRESS_QUERY,
  RERUN_INPUT_QUERY,
  RESUME_UPDATE,
} from '../shared/names.js';
import { formatZodError, parseInput, toConflict } from '../shared/parse-input.js';
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
import type { PipelineState } from './pipeline-state.js';

/** The report so far and the phase, while the pipeline runs and after it has closed. */
export const progressQuery: QueryDefinition<PipelineProgress> = defineQuery(PROGRESS_QUERY);

/**
 * Input for a pipeline that collects what this one did not collect. Query it after this one has closed, and start the other with
 * the same workflow id. Without `files` and `waitFor` there is nothing left to collect.
 */
export const rerunInputQuery: QueryDefinition<PipelineInput> = defineQuery(RERUN_INPUT_QUERY);

/**
 * Ends the wait of a pipeline that was started with `waitFor: { signal: true }`. The first signal counts; while the pipeline is
 * held for its job, another one replaces it. Signals that are ignored, or have a wrong argument, are logged.
 */
export const jobFinishedSignal: SignalDefinition<[JobFinishedInput?]> = defineSignal(JOB_FINISHED_SIGNAL);

/** Adds files. A held pipeline collects them when it is resumed. Refused when the pipeline is finishing. */
export const addFilesUpdate: UpdateDefinition<AddFilesResult, [AddFilesInput]> =
  defineUpdate(ADD_FILES_UPDATE);

/**
 * Retries what failed in a held pipeline: with `{}` all of it. Refused in any other phase. The pipeline also takes no argument at
 * all, which the SDK's type of an update cannot say.
 */
export const resumeUpdate: UpdateDefinition<ResumeResult, [ResumeInput]> = defineUpdate(RESUME_UPDATE);

/** Lets a held pipeline finish with what it has, and fail. Refused in any other phase. */
export const abandonUpdate: UpdateDefinition<AbandonResult> = defineUpdate(ABANDON_UPDATE);

/** Registers the handlers. Messages that arrived before the workflow started are delivered then. */
export function registerHandlers(pipeline: PipelineState): void {
  const { files } = pipeline;

  setHandler(progressQuery, () => pipeline.progress);
  setHandler(rerunInputQuery, () => pipeline.rerunInput);

  setHandler(jobFinishedSignal, (input = {}) => {
    const { data, error } = jobFinishedInputSchema.safeParse(input);
    if (error) {
      log.warn('The signal jobFinished is ignored: its argument is wrong', { error: formatZodError(error) });
    } else if (pipeline.jobFinished === undefined || pipeline.isHeldForJobs) {
      pipeline.jobFinished = data;
    } else log.warn('The signal jobFinished is ignored: there was one before');
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
        if (pipeline.isFinishing) throw toConflict('the pipeline is finishing and takes no more files');
        if (!files.canAdd(wanted)) {
          const count = formatCountOf(files.counts.files, 'file');
          const limit = `${MAX_FILES} files and ${MAX_LIST_BYTES} bytes in all`;
          throw toConflict(`files: the pipeline has ${count}; the limit is ${limit}`);
        }
      },
    },
  );

  setHandler(
    resumeUpdate,
    (input = {}) => {
      const jobs = input.runtimePaths === undefined ? pipeline.unresolvedJobs.length : 0;
      const resumed = { files: files.requeueFailed(input), jobs };
      pipeline.setPhase(jobs > 0 ? 'waiting' : 'collecting');
      return resumed;
    },
    {
      validator(input = {}) {
        const { runtimePaths = [] } = parseInput(resumeInputSchema, input);
        assertHeld(pipeline);
        const { failedPaths } = files;
        const other = runtimePaths.find((path) => !failedPaths.has(path));
        if (other !== undefined) throw toConflict(`"${truncatePath(other)}" is not among the failed files`);
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
  if (phase !== 'held') throw toConflict(`the pipeline is not held (phase: ${phase})`);
}
