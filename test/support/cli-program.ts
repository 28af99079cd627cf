import { Readable } from 'node:stream';
import { createProgram } from '../../src/cli/program.js';

const silent = { write: () => undefined };

/** The starter's commands with their options, for a test that compares them with something else and runs none. */
export const { commands } = createProgram(
  {
    stdin: Readable.from([]),
    stdout: silent,
    stderr: silent,
    env: {},
    interrupted: new AbortController().signal,
  },
  () => undefined,
);
