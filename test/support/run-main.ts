import { Readable } from 'node:stream';
import { main } from '../../src/cli/main.js';
import type { Environment } from '../../src/environment.js';
import type { ProcessResult } from './executable.js';

/** Runs a command of the starter in this process, with no environment variables but those of `env`. */
export async function runMain(
  argv: readonly string[],
  surroundings: { readonly env?: Environment; readonly interrupted?: AbortSignal } = {},
): Promise<ProcessResult> {
  let [stdout, stderr] = ['', ''];
  const code = await main(argv, {
    stdin: Readable.from([]),
    stdout: {
      write: (text) => {
        stdout += text;
      },
    },
    stderr: {
      write: (text) => {
        stderr += text;
      },
    },
    // A getter, as in the executable: a test may have one that throws.
    get env() {
      return surroundings.env ?? {};
    },
    interrupted: surroundings.interrupted ?? new AbortController().signal,
  });
  return { code, stdout, stderr };
}
