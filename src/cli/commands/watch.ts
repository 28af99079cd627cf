import type { ExitCode } from '../../exit.js';
import type { Io } from '../io.js';
import { resultCommand } from './result.js';
import type { WaitCommandOptions } from './wait-and-print.js';

/** `watch`: shows progress until a workflow ends, then its result. */
export function watchCommand(io: Io, workflowId: string, options: WaitCommandOptions): Promise<ExitCode> {
  return resultCommand(io, workflowId, { ...options, showProgress: true });
}
