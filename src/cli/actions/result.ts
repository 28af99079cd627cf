import type { ExitCode } from '../../exit.js';
import type { Io } from '../io.js';
import { type ShowOptions, waitAndPrint } from '../show/wait-and-print.js';
import { withTemporal } from '../temporal/connect.js';
import { findWorkflow } from '../temporal/find-workflow.js';

/** `result`: waits until a workflow has ended, and shows its report. */
export function resultCommand(io: Io, workflowId: string, options: ShowOptions): Promise<ExitCode> {
  return wait(io, workflowId, { ...options, showProgress: false });
}

/** `watch`: the same, and what happens meanwhile. */
export function watchCommand(io: Io, workflowId: string, options: ShowOptions): Promise<ExitCode> {
  return wait(io, workflowId, { ...options, showProgress: true });
}

async function wait(
  io: Io,
  workflowId: string,
  options: ShowOptions & { readonly showProgress: boolean },
): Promise<ExitCode> {
  return await withTemporal(async (session) => {
    const { handle, description } = await findWorkflow(session, workflowId);
    return await waitAndPrint(session, io, { handle, workflowType: description.type }, options);
  });
}
