#!/usr/bin/env node
import { main } from './gateway/cli.js';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

const { stdout, stderr } = process;
// A failed write, to a full disk or a closed pipe, must not end the gateway.
for (const output of [stdout, stderr]) output.on('error', () => {});
process.exitCode = await main(process.argv.slice(2), { stdout, stderr, stop: stop.signal });
