#!/usr/bin/env node
import { main } from './cli/main.js';

const interrupt = new AbortController();
process.once('SIGINT', () => interrupt.abort());
const { stdin, stdout, stderr } = process;
process.exitCode = await main(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  interrupted: interrupt.signal,
});
