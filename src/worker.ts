#!/usr/bin/env node
import { main } from './worker/main.js';

const stop = new AbortController();
// `once`: a second signal ends the process at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

const { stdout, stderr } = process;
// A full disk or a closed pipe costs log lines, never the worker.
for (const output of [stdout, stderr]) output.on('error', () => {});
// The SDK's runtime keeps the process alive if no worker has run, so setting process.exitCode is not enough.
process.exit(await main(process.argv.slice(2), { stdout, stderr, stop: stop.signal }));
