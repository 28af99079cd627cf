import type { ExitCode } from '../exit.js';
import { withTemporal } from './connect.js';
import type { Io } from './io.js';
import { type ShowOptions, showResult } from './show-result.js';

export type ResultCommandOptions = ShowOptions;

/** `result`: waits until a workflow has ended, and shows its report. */
export async function resultCommand(
  io: Io,
  workflowId: string,
  options: ResultCommandOptions,
): Promise<ExitCode> {
  return await withTemporal(async (session) => {
    const handle = session.client.workflow.getHandle(workflowId);
    return await showResult(session, io, handle, options);
  });
}
