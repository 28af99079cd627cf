import type { ExitCode } from '../../exit.js';
import { formatCountOf } from '../../shared/display-text.js';
import { type ResumeResult, resumeInputSchema } from '../../shared/pipeline-messages.js';
import { parseFields } from '../input/parse-fields.js';
import type { Io } from '../io.js';
import { updatePipeline } from '../temporal/update-pipeline.js';
import { forEachPipeline, type SelectOptions } from './for-each-pipeline.js';

interface ResumeOptions extends SelectOptions {
  readonly path?: readonly string[];
  readonly ifExists?: string;
}

/** `resume`: retries the failed files and jobs of held pipelines. */
export function resumeCommand(
  io: Io,
  workflowIds: readonly string[],
  { path, ifExists, ...options }: ResumeOptions,
): Promise<ExitCode> {
  const input = parseFields(resumeInputSchema, {
    ...(path !== undefined && { runtimePaths: path }),
    ...(ifExists !== undefined && { ifExists }),
  });
  return forEachPipeline<ResumeResult>(io, workflowIds, options, {
    verb: 'resume',
    pastTense: 'resumed',
    isForHeld: true,
    run: (session, pipeline) => updatePipeline(session, pipeline, (handle) => handle.resume(input)),
    describe: ({ files, jobs }) =>
      `${formatCountOf(files, 'file')}${jobs > 0 ? `, ${formatCountOf(jobs, 'job')}` : ''}`,
  });
}
