#!/usr/bin/env node
import { main } from './cli/main.js';
import { exitCodes } from './exit.js';

const interrupt = new AbortController();
// It has to stay: the one that gives a terminal its cursor back ends the process where it is alone.
process.on('SIGINT', () => {
  if (interrupt.signal.aborted) process.exit(exitCodes.interrupted);
  interrupt.abort();
});
const { stdin, stdout, stderr } = process;
for (const output of [stdout, stderr]) {
  output.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read it has enough, as `head` has.
    if (error.code === 'EPIPE') process.exit(exitCodes.done);
    throw error;
  });
}
process.exitCode = await main(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  interrupted: interrupt.signal,
});
// What an interrupted command still waits for would keep the process.
if (interrupt.signal.aborted) process.exit();
