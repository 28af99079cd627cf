import type { ExitCode } from '../../exit.js';
import { ABANDON_UPDATE, RESUME_UPDATE } from '../../shared/names.js';
import { type Abandoned, type Resumed, resumeSchema } from '../../shared/pipeline-messages.js';
import { parseInput } from '../input/parse-input.js';
import type { Io } from '../io.js';
import { updatePipeline } from '../temporal/update-pipeline.js';
import { actOnEach, type SelectOptions } from './act-on-each.js';

export interface ResumeCommandOptions extends SelectOptions {
  readonly path?: readonly string[];
}

/** `resume`: tries again what has failed in held pipelines. */
export function resumeCommand(
  io: Io,
  workflowIds: readonly string[],
  { path, ...options }: ResumeCommandOptions,
): Promise<ExitCode> {
  const resume = parseInput(resumeSchema, path === undefined ? {} : { runtimePaths: path });
  return actOnEach<Resumed>(io, workflowIds, options, {
    verb: 'resume',
    done: 'resumed',
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
  return actOnEach<Abandoned>(io, workflowIds, options, {
    verb: 'abandon',
    done: 'abandoned',
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
  return actOnEach<object>(io, workflowIds, options, {
    verb: 'cancel',
    done: 'cancelling',
    run: async (_, { handle }) => {
      await handle.cancel();
      return {};
    },
  });
}
