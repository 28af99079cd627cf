#!/usr/bin/env node
import { main } from './cli/main.js';
import { NAME } from './cli/output/command.js';
import { loadEnvironment } from './environment.js';
import { ExitError, exitCodes, printFatalError } from './exit.js';

const interrupt = new AbortController();
// Stays registered: log-update's handler, which restores the cursor, ends the process if it is the only one.
process.on('SIGINT', () => {
  if (interrupt.signal.aborted) process.exit(exitCodes.interrupted);
  interrupt.abort();
});
const { stdin, stdout, stderr } = process;
// No failed write ends a command: it might have changed only some of its pipelines.
let isResultLost = false;
stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader such as `head` closes the pipe when it has enough. What it leaves unread in a socket makes it a reset.
  if (error.code === 'EPIPE' || error.code === 'ECONNRESET' || isResultLost) return;
  isResultLost = true;
  const code = printFatalError(NAME, new ExitError(exitCodes.failed, `stdout: ${error.message}`), stderr);
  process.exitCode ||= code;
});
stderr.on('error', () => {});
const exitCode = await main(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  // A getter: `--help` and `completion` work even where the .env file cannot be read.
  get env() {
    return loadEnvironment();
  },
  interrupted: interrupt.signal,
});
process.exitCode = exitCode || process.exitCode;
// Pending work of an interrupted command would keep the process alive.
if (interrupt.signal.aborted) process.exit();
