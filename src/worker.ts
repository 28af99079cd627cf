#!/usr/bin/env node
import { Command } from 'commander';
import { loadEnvironment } from './config.js';
import { type ExitCode, exitCodes, printFatalError } from './exit.js';
import { version } from './version.js';
import { runWorker } from './worker-main.js';

const NAME = 'bctrl-temporal-worker';

const stop = new AbortController();
// A second signal ends the process at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

// A full disk or a reader that has left costs lines of the log, never the worker: the next line is tried again.
for (const output of [process.stdout, process.stderr]) output.on('error', () => {});

new Command(NAME)
  .description(
    `Runs the pipelines of bctrl runtimes until SIGINT or SIGTERM. It takes no options: environment variables, and a .env
file in the working directory, say what it works with. The README lists them; BCTRL_API_KEY is required.`,
  )
  .version(version)
  .allowExcessArguments(false)
  .addHelpText(
    'after',
    '\nExit codes:\n  0  ended by a signal\n  1  failed, or did not end in time\n  2  wrong variable or key\n  3  Temporal or the bctrl API is not reachable',
  )
  .configureOutput({ outputError: (text, write) => write(`${NAME}: ${text.replace(/^error: /, '')}`) })
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? exitCodes.done : exitCodes.usage))
  .parse();

let exitCode: ExitCode = exitCodes.done;
try {
  await runWorker(loadEnvironment(), process.stderr, stop.signal);
} catch (error) {
  exitCode = printFatalError(NAME, error, process.stderr);
}
// The SDK's runtime keeps a process alive in which no worker has run.
process.exit(exitCode);
