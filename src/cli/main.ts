import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommanderError } from 'commander';
import { type ExitCode, ExitError, exitCodes, printFatalError } from '../exit.js';
import { type Io, toSafeOutput } from './io.js';
import { NAME } from './output/command.js';
import { createProgram } from './program.js';

/** A shell's completion script runs this hidden command to get its suggestions. */
const COMPLETION_REQUEST = 'complete';

/** Time for a waiting command to print how to reattach. */
const INTERRUPT_GRACE_MS = 1_000;

/** Runs one command of the starter and returns its exit code. Streams, variables and Ctrl-C are those of its surroundings. */
export async function main(argv: readonly string[], surroundings: Io): Promise<ExitCode> {
  const io: Io = {
    stdin: surroundings.stdin,
    stdout: toSafeOutput(surroundings.stdout),
    stderr: toSafeOutput(surroundings.stderr),
    // Read on first use.
    get env() {
      return surroundings.env;
    },
    interrupted: surroundings.interrupted,
  };
  let exitCode: ExitCode = exitCodes.done;
  const program = createProgram(io, (code) => {
    exitCode = code;
  });
  try {
    if (argv[0] === COMPLETION_REQUEST) {
      const { addCompletion } = await import('./commands/completion.js');
      addCompletion(program);
    }
    await Promise.race([program.parseAsync(argv, { from: 'user' }), rejectAfterInterrupt(io.interrupted)]);
    return exitCode;
  } catch (error) {
    // Commander has already written its error or the requested help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    return printFatalError(NAME, error, io.stderr);
  }
}

/** Ends commands that do not watch for Ctrl-C themselves. */
async function rejectAfterInterrupt(interrupted: AbortSignal): Promise<never> {
  if (!interrupted.aborted) await once(interrupted, 'abort');
  await sleep(INTERRUPT_GRACE_MS, undefined, { ref: false });
  throw new ExitError(exitCodes.interrupted, 'interrupted');
}
