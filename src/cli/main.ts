import { type Command, CommanderError } from 'commander';
import { type ExitCode, exitCodes, reportExit } from '../exit.js';
import type { Io } from './io.js';
import { createProgram, NAME } from './program.js';

/** What the script of a shell asks for the words that may come next. */
const COMPLETION_REQUEST = 'complete';

/** Runs one command of the starter. */
export async function main(argv: readonly string[], io: Io): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.done;
  const program = createProgram(io, (code) => {
    exitCode = code;
  });
  try {
    if (argv[0] === COMPLETION_REQUEST) await addCompletion(program);
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has already written its one line, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    return reportExit(NAME, error, io.stderr);
  }
}

async function addCompletion(program: Command): Promise<void> {
  const { completionOf } = await import('./completion.js');
  completionOf(program);
}
