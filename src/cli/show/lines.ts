import cliTruncate from 'cli-truncate';
import picocolors from 'picocolors';
import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';
import type { Output } from '../io.js';

/** Below what a line is about. */
export const INDENT = ' '.repeat(11);

/** One that is too long for a terminal goes on below, indented, or is cut in its middle. */
export interface Line {
  readonly text: string;
  readonly isCut?: boolean;
}

export type Colors = ReturnType<typeof picocolors.createColors>;

/** Those that the output shows; none where it is no terminal, or `NO_COLOR` is set. */
export function colorsOf(output: Output): Colors {
  return picocolors.createColors(output.hasColors?.() ?? false);
}

/** How wide a terminal is; anything else takes lines as they are. */
export function columnsOf({ isTTY, columns }: Output): number | undefined {
  return isTTY ? columns : undefined;
}

/** Writes lines: to a terminal none is longer than it is wide, to anything else they are as they are. */
export function writeLines(output: Output, lines: readonly Line[]): void {
  const columns = columnsOf(output);
  const texts = columns ? lines.flatMap((line) => fit(line, columns)) : lines.map(toText);
  for (const text of texts) output.write(`${text}\n`);
}

function toText({ text }: Line): string {
  return text;
}

function fit({ text, isCut }: Line, columns: number): string[] {
  if (stringWidth(text) <= columns) return [text];
  if (isCut || columns <= 2 * INDENT.length) return [cut(text, columns, 'middle')];
  const [first = ''] = wrapAnsi(text, columns, { trim: false }).split('\n', 1);
  // What follows is indented, so it has less room than the first line.
  const rest = wrapAnsi(text.slice(first.length).trimStart(), columns - INDENT.length, { hard: true });
  return [first, ...rest.split('\n').map((line) => INDENT + line)];
}

/** A text of at most so many columns. */
export function cut(text: string, columns: number, position: 'start' | 'middle' | 'end' = 'end'): string {
  return cliTruncate(text, columns, { position });
}
