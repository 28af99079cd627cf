import type { ExitCode } from '../../exit.js';
import type { Io } from '../io.js';
import type { WaitCommandOptions } from '../output/wait-and-print.js';
import { resultCommand } from './result.js';

/** `watch`: shows progress until a workflow ends, then its result. */
export function watchCommand(io: Io, workflowId: string, options: WaitCommandOptions): Promise<ExitCode> {
  return resultCommand(io, workflowId, { ...options, showProgress: true });
}
