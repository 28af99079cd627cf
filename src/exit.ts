import { ConfigError } from './config-error.js';
import { stripControlCharacters } from './shared/truncate-line.js';

/** How the executables end. */
export const exitCodes = {
  done: 0,
  /** The pipeline failed, or was cancelled or terminated. */
  failed: 1,
  /** A wrong argument, input or environment variable. */
  usage: 2,
  /** Temporal or the bctrl API could not be reached. */
  unreachable: 3,
  /** Still running when `--timeout` ended. */
  running: 4,
  /** Ctrl-C; what was started goes on. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends an executable with one line on stderr and its exit code, without a stack trace. */
export class ExitError extends Error {
  override readonly name = 'Exit';

  readonly code: ExitCode;

  constructor(code: ExitCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Exit code of a failed executable, after its one line: `name: what is wrong`. Faults of the program keep their stack. */
export function printFatalError(
  name: string,
  error: unknown,
  stderr: { write(text: string): unknown },
): ExitCode {
  if (error instanceof ExitError || error instanceof ConfigError) {
    stderr.write(`${name}: ${stripControlCharacters(error.message)}\n`);
    return error instanceof ExitError ? error.code : exitCodes.usage;
  }
  stderr.write(`${name}: ${error instanceof Error ? error.stack : String(error)}\n`);
  return exitCodes.failed;
}
