import { Command, CommanderError } from 'commander';
import { loadEnvironment } from '../environment.js';
import { type ExitCode, exitCodes, printFatalError } from '../exit.js';
import { version } from '../version.js';
import type { LogStream } from './create-logger.js';
import { runWorker } from './run-worker.js';

const NAME = 'bctrl-temporal-worker';

const DESCRIPTION = `Runs the pipelines of bctrl runtimes until SIGINT or SIGTERM. It has no options: environment variables, and a .env
file in the working directory, configure it. The README lists them; BCTRL_API_KEY is required.`;

const EXIT_CODES = `
Exit codes:
  0  ended by a signal
  1  failed, or did not stop in time
  2  a wrong environment variable, or the API refuses the key
  3  Temporal is not reachable`;

interface Io {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: LogStream;
  /** Aborts when the process is asked to end. */
  readonly stop: AbortSignal;
}

/** Runs the worker until it is asked to end. */
export async function main(argv: readonly string[], { stdout, stderr, stop }: Io): Promise<ExitCode> {
  try {
    new Command(NAME)
      .description(DESCRIPTION)
      .version(version)
      .allowExcessArguments(false)
      .addHelpText('after', EXIT_CODES)
      .configureOutput({
        writeOut: (text) => void stdout.write(text),
        writeErr: (text) => void stderr.write(`${NAME}: ${text.replace(/^error: /, '')}`),
      })
      .exitOverride()
      .parse(argv, { from: 'user' });
    await runWorker(loadEnvironment(), stderr, stop);
    return exitCodes.done;
  } catch (error) {
    // Commander has already written its message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    return printFatalError(NAME, error, stderr);
  }
}
