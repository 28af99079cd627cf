import type { ExitCode } from '../../exit.js';
import { formatCountOf } from '../../shared/display-text.js';
import type { AbandonResult } from '../../shared/pipeline-messages.js';
import type { Io } from '../io.js';
import { updatePipeline } from '../temporal/update-pipeline.js';
import { forEachPipeline, type SelectOptions } from './for-each-pipeline.js';

/** `abandon`: ends held pipelines as failed, with what they have collected. */
export function abandonCommand(
  io: Io,
  workflowIds: readonly string[],
  options: SelectOptions,
): Promise<ExitCode> {
  return forEachPipeline<AbandonResult>(io, workflowIds, options, {
    verb: 'abandon',
    pastTense: 'abandoned',
    isForHeld: true,
    run: (session, pipeline) => updatePipeline(session, pipeline, (handle) => handle.abandon()),
    describe: ({ files }) => `${formatCountOf(files, 'file')} left uncollected`,
  });
}
