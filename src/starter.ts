#!/usr/bin/env node
import { main } from './cli/main.js';
import { loadEnvironment } from './environment.js';
import { exitCodes } from './exit.js';

const interrupt = new AbortController();
// Stays registered: log-update's handler, which restores the cursor, ends the process if it is the only one.
process.on('SIGINT', () => {
  if (interrupt.signal.aborted) process.exit(exitCodes.interrupted);
  interrupt.abort();
});
const { stdin, stdout, stderr } = process;
for (const output of [stdout, stderr]) {
  output.on('error', (error: NodeJS.ErrnoException) => {
    // The reader, `head` for instance, has closed the pipe.
    if (error.code === 'EPIPE') process.exit(exitCodes.done);
    throw error;
  });
}
process.exitCode = await main(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  // A getter: `--help` and `completion` work even where the .env file cannot be read.
  get env() {
    return loadEnvironment();
  },
  interrupted: interrupt.signal,
});
// Pending work of an interrupted command would keep the process alive.
if (interrupt.signal.aborted) process.exit();
