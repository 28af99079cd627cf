import { type ExitCode, ExitError, exitCodes } from '../../exit.js';
import { JOB_FINISHED_SIGNAL } from '../../shared/names.js';
import { jobFinishedInputSchema } from '../../shared/pipeline-messages.js';
import { parseInput } from '../input/parse-input.js';
import type { Io } from '../io.js';
import { readProgress } from '../temporal/workflow-snapshot.js';
import { forEachPipeline } from './act-on-each.js';

export interface JobFinishedCommandOptions {
  readonly invocation?: string;
  readonly status?: string;
  readonly json?: boolean;
}

/** `job-finished`: tells a pipeline that waits for it that its job has ended. */
export function jobFinishedCommand(
  io: Io,
  workflowId: string,
  { invocation, status, json = false }: JobFinishedCommandOptions,
): Promise<ExitCode> {
  const signal = parseInput(jobFinishedInputSchema, { invocationId: invocation, status });
  return forEachPipeline<object>(
    io,
    [workflowId],
    { json },
    {
      verb: 'signal',
      pastTense: 'signalled',
      run: async (session, { handle }) => {
        // A signal has no answer: one that would be ignored is refused here, if there is a worker to ask.
        const progress = await readProgress(session, handle);
        if (progress !== undefined && !progress.waitingForSignal) {
          throw new ExitError(exitCodes.usage, `it does not wait for this signal, it is ${progress.phase}`);
        }
        await handle.signal(JOB_FINISHED_SIGNAL, signal);
        return {};
      },
    },
  );
}
