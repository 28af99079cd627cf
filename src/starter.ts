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
process.exitCode = await main(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  interrupted: interrupt.signal,
});
