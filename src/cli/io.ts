import type { Environment } from '../environment.js';
import { toTerminalJson, toTerminalText } from '../shared/display-text.js';

/** A stream that a command writes to. */
export interface Output {
  write(text: string): unknown;
  /** Set for a terminal. */
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  /** Whether a terminal shows colors and the environment (`NO_COLOR`, `TERM`) allows them. */
  hasColors?(): boolean;
  /** The stream itself, for what moves the cursor, and for lines in colors. */
  readonly unfiltered?: Output;
}

/** Everything a command takes from its surroundings, so that a test can replace all of it. */
export interface Io {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  /** The result of a command: text, or one JSON document with `--json`. */
  readonly stdout: Output;
  /** Progress, hints and errors. */
  readonly stderr: Output;
  /** Environment variables. A `.env` file may be read on first use, which may throw a ConfigError. */
  readonly env: Environment;
  /** Aborts on Ctrl-C. */
  readonly interrupted: AbortSignal;
}

export function writeJson({ stdout }: Io, document: object): void {
  stdout.write(`${toTerminalJson(JSON.stringify(document, null, 2))}\n`);
}

/** An output to which no text of a server or a user can write anything but lines: all output of commands passes here. */
export function toSafeOutput(output: Output): Output {
  return {
    write: (text) => output.write(toTerminalText(text)),
    get isTTY() {
      return output.isTTY;
    },
    get columns() {
      return output.columns;
    },
    hasColors: () => output.hasColors?.() ?? false,
    unfiltered: output,
  };
}
