import type { ExitCode } from '../../exit.js';
import type { Io } from '../io.js';
import { findWorkflow } from '../temporal/find-pipelines.js';
import { withTemporal } from '../temporal/session.js';
import { type WaitCommandOptions, waitAndPrint } from './wait-and-print.js';

/** `result`: waits until a workflow ends and prints its result. */
export async function resultCommand(
  io: Io,
  workflowId: string,
  { showProgress = false, ...options }: WaitCommandOptions & { readonly showProgress?: boolean },
): Promise<ExitCode> {
  return await withTemporal(io, async (session) => {
    const { handle } = await findWorkflow(session, workflowId);
    return await waitAndPrint(session, io, handle, { ...options, showProgress });
  });
}
