import { getPipelineHandle } from '../../client/pipeline-handle.js';
import { type ExitCode, ExitError, exitCodes } from '../../exit.js';
import { jobFinishedInputSchema } from '../../shared/pipeline-messages.js';
import { parseFields } from '../input/parse-fields.js';
import type { Io } from '../io.js';
import { readProgress } from '../temporal/workflow-snapshot.js';
import { forEachPipeline } from './for-each-pipeline.js';

interface JobFinishedOptions {
  readonly invocation?: string;
  readonly status?: string;
  readonly json?: boolean;
}

/** `job-finished`: tells a waiting pipeline that its job has ended. */
export function jobFinishedCommand(
  io: Io,
  workflowId: string,
  { invocation, status, ...options }: JobFinishedOptions,
): Promise<ExitCode> {
  const input = parseFields(jobFinishedInputSchema, { invocationId: invocation, status });
  return forEachPipeline(io, [workflowId], options, {
    verb: 'signal',
    pastTense: 'signalled',
    run: async (session, { handle }) => {
      // A signal has no response, so one that the pipeline would ignore is refused here, if a worker answers.
      const progress = await readProgress(session, handle);
      if (progress !== undefined && !progress.waitingForSignal) {
        const problem = `the pipeline is not waiting for this signal (phase: ${progress.phase})`;
        throw new ExitError(exitCodes.usage, problem);
      }
      await getPipelineHandle(session.client, workflowId).jobFinished(input);
      return {};
    },
  });
}
