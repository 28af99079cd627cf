import { type ExitCode, ExitError, exitCodes } from '../../exit.js';
import type { Io } from '../io.js';
import { findWorkflow } from '../temporal/find-pipelines.js';
import { withTemporal } from '../temporal/session.js';
import { type ResultFilesOptions, resultFilesCommand } from './result-files.js';
import { waitAndPrint } from './wait-and-print.js';

interface ResultOptions extends ResultFilesOptions {
  readonly showProgress?: boolean;
  /** Print all files instead of the report. */
  readonly files?: boolean;
}

/** `result`: waits until a workflow ends and prints its result. */
export async function resultCommand(
  io: Io,
  workflowId: string,
  { showProgress = false, files = false, ...options }: ResultOptions,
): Promise<ExitCode> {
  if (files) return await resultFilesCommand(io, workflowId, options);
  if (options.runtime !== undefined) {
    throw new ExitError(exitCodes.usage, '--runtime has no effect without --files');
  }
  return await withTemporal(io, async (session) => {
    const { handle } = await findWorkflow(session, workflowId);
    return await waitAndPrint(session, io, handle, { ...options, showProgress });
  });
}
