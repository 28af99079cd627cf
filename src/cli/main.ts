import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, CommanderError } from 'commander';
import { type ExitCode, ExitError, exitCodes, printFatalError } from '../exit.js';
import type { Io } from './io.js';
import { createProgram, NAME } from './program.js';

/** What the script of a shell asks for the words that may come next. */
const COMPLETION_REQUEST = 'complete';

/** Enough for a command that says how to come back. */
const GRACE_MS = 1_000;

/** Runs one command of the starter. */
export async function main(argv: readonly string[], io: Io): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.done;
  const program = createProgram(io, (code) => {
    exitCode = code;
  });
  try {
    if (argv[0] === COMPLETION_REQUEST) await addCompletion(program);
    await Promise.race([program.parseAsync(argv, { from: 'user' }), rejectAfterInterrupt(io.interrupted)]);
    return exitCode;
  } catch (error) {
    // Commander has already written its one line, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    return printFatalError(NAME, error, io.stderr);
  }
}

/** A command that waits for something else than a workflow takes no notice of Ctrl-C. */
async function rejectAfterInterrupt(interrupted: AbortSignal): Promise<never> {
  if (!interrupted.aborted) await once(interrupted, 'abort');
  await sleep(GRACE_MS, undefined, { ref: false });
  throw new ExitError(exitCodes.interrupted, 'interrupted');
}

async function addCompletion(program: Command): Promise<void> {
  const { completionOf } = await import('./completion.js');
  completionOf(program);
}
