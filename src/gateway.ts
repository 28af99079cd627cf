#!/usr/bin/env node
import { main } from './gateway/cli.js';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

const { stdout, stderr } = process;
// A full disk or a reader that has left costs lines, never the gateway: the next line is tried again.
for (const output of [stdout, stderr]) output.on('error', () => {});
process.exitCode = await main(process.argv.slice(2), { stdout, stderr, stop: stop.signal });
