#!/usr/bin/env node
import { loadEnvironment } from './config.js';
import { type ExitCode, exitCodes, reportExit } from './exit.js';
import { runWorker } from './worker-main.js';

let exitCode: ExitCode = exitCodes.done;
try {
  await runWorker(loadEnvironment(), process.stderr);
} catch (error) {
  exitCode = reportExit('bctrl-temporal-worker', error, process.stderr);
}
// The SDK's runtime keeps a process alive in which no worker has run.
process.exit(exitCode);
