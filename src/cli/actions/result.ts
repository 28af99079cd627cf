import type { ExitCode } from '../../exit.js';
import type { Io } from '../io.js';
import { type ShowOptions, showEnding } from '../show/show-ending.js';
import { withTemporal } from '../temporal/connect.js';
import { findWorkflow } from '../temporal/find-workflow.js';

/** `result`: waits until a workflow has ended, and shows its report. */
export function resultCommand(io: Io, workflowId: string, options: ShowOptions): Promise<ExitCode> {
  return wait(io, workflowId, { ...options, isShown: false });
}

/** `watch`: the same, and what happens meanwhile. */
export function watchCommand(io: Io, workflowId: string, options: ShowOptions): Promise<ExitCode> {
  return wait(io, workflowId, { ...options, isShown: true });
}

async function wait(
  io: Io,
  workflowId: string,
  options: ShowOptions & { readonly isShown: boolean },
): Promise<ExitCode> {
  return await withTemporal(async (session) => {
    const { handle, description } = await findWorkflow(session, workflowId);
    return await showEnding(session, io, { handle, workflowType: description.type }, options);
  });
}
