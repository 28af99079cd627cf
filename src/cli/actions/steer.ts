import type { ExitCode } from '../../exit.js';
import { ABANDON_UPDATE, RESUME_UPDATE } from '../../shared/names.js';
import { type AbandonResult, type ResumeResult, resumeInputSchema } from '../../shared/pipeline-messages.js';
import { parseInput } from '../input/parse-input.js';
import type { Io } from '../io.js';
import { updatePipeline } from '../temporal/update-pipeline.js';
import { forEachPipeline, type SelectOptions } from './act-on-each.js';

export interface ResumeCommandOptions extends SelectOptions {
  readonly path?: readonly string[];
}

/** `resume`: tries again what has failed in held pipelines. */
export function resumeCommand(
  io: Io,
  workflowIds: readonly string[],
  { path, ...options }: ResumeCommandOptions,
): Promise<ExitCode> {
  const resume = parseInput(resumeInputSchema, path === undefined ? {} : { runtimePaths: path });
  return forEachPipeline<ResumeResult>(io, workflowIds, options, {
    verb: 'resume',
    pastTense: 'resumed',
    isForHeld: true,
    run: (session, pipeline) => updatePipeline(session, pipeline, RESUME_UPDATE, resume),
    describe: ({ files, jobs }) => `${files} files${jobs > 0 ? `, ${jobs} jobs` : ''}`,
  });
}

/** `abandon`: lets held pipelines fail with what they have. */
export function abandonCommand(
  io: Io,
  workflowIds: readonly string[],
  options: SelectOptions,
): Promise<ExitCode> {
  return forEachPipeline<AbandonResult>(io, workflowIds, options, {
    verb: 'abandon',
    pastTense: 'abandoned',
    isForHeld: true,
    run: (session, pipeline) => updatePipeline(session, pipeline, ABANDON_UPDATE),
    describe: ({ files }) => `${files} files stay uncollected`,
  });
}

/** `cancel`: asks running pipelines to end. */
export function cancelCommand(
  io: Io,
  workflowIds: readonly string[],
  options: SelectOptions,
): Promise<ExitCode> {
  return forEachPipeline<object>(io, workflowIds, options, {
    verb: 'cancel',
    pastTense: 'cancelling',
    run: async (_, { handle }) => {
      await handle.cancel();
      return {};
    },
  });
}
