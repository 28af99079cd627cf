import { stripControlCharacters, toTerminalText } from './shared/display-text.js';

/** Exit codes of the worker and the starter. */
export const exitCodes = {
  done: 0,
  /** The pipeline failed, or was cancelled or terminated; or the result could not be written. */
  failed: 1,
  /** A wrong argument, input or environment variable. */
  usage: 2,
  /** Temporal or the bctrl API could not be reached. */
  unreachable: 3,
  /** Still running when `--timeout` ended. */
  running: 4,
  /** Ctrl-C. The pipeline keeps running. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends an executable with an exit code and one line on stderr, without a stack trace. */
export class ExitError extends Error {
  override readonly name: string = 'ExitError';

  readonly code: ExitCode;

  constructor(code: ExitCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A missing or invalid environment variable. The message is one line and never quotes the value. */
export class ConfigError extends ExitError {
  override readonly name = 'ConfigError';

  constructor(message: string) {
    super(exitCodes.usage, message);
  }
}

/**
 * Prints why an executable ends: `name: message`, and the stack trace of an unexpected error.
 *
 * @returns the exit code
 */
export function printFatalError(
  name: string,
  error: unknown,
  stderr: { write(text: string): unknown },
): ExitCode {
  if (error instanceof ExitError) {
    stderr.write(`${name}: ${stripControlCharacters(error.message)}\n`);
    return error.code;
  }
  stderr.write(toTerminalText(`${name}: ${error instanceof Error ? error.stack : String(error)}\n`));
  return exitCodes.failed;
}
