/** Where a command writes. */
export interface Output {
  write(text: string): unknown;
  /** Set for a terminal. */
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** Whether a terminal shows colours, and the environment (`NO_COLOR`, `TERM`) wants them. */
  hasColors?(): boolean;
}

/** What a command reads and writes, so that a test sees what a user sees. */
export interface Io {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  /** The command's result, for a person or with `--json` for a program. */
  readonly stdout: Output;
  /** Everything said on the way. */
  readonly stderr: Output;
  /** Aborts on Ctrl-C. */
  readonly interrupted: AbortSignal;
}

/** The one document of `--json`. */
export function writeJson({ stdout }: Io, document: object): void {
  stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}
