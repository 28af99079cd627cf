import { type ExitCode, exitCodes } from '../../exit.js';
import { type Io, writeJson } from '../io.js';
import type { Session } from '../temporal/connect.js';
import type { StartedWorkflow } from '../temporal/start-workflow.js';
import { uiLink } from '../temporal/ui-link.js';

/** Prints which workflow runs now. */
export function printStarted(
  { config }: Session,
  io: Io,
  { handle: { workflowId }, isNew }: StartedWorkflow,
  { json }: { readonly json?: boolean | undefined },
): ExitCode {
  if (json) {
    writeJson(io, { workflowId, uiLink: uiLink(config, workflowId), status: 'running', isNew });
  } else {
    io.stdout.write(`${workflowId}\n`);
  }
  return exitCodes.done;
}
