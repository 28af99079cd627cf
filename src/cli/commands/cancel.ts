import type { ExitCode } from '../../exit.js';
import type { Io } from '../io.js';
import { forEachPipeline, type SelectOptions } from './for-each-pipeline.js';

/** `cancel`: requests cancellation of running pipelines. */
export function cancelCommand(
  io: Io,
  workflowIds: readonly string[],
  options: SelectOptions,
): Promise<ExitCode> {
  return forEachPipeline(io, workflowIds, options, {
    verb: 'cancel',
    pastTense: 'cancelling',
    run: async (_, { handle }) => {
      await handle.cancel();
      return {};
    },
  });
}
