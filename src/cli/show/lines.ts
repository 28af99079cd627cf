import cliTruncate from 'cli-truncate';
import picocolors from 'picocolors';
import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';
import type { Output } from '../io.js';

/** Below what a line is about. */
export const INDENT = ' '.repeat(11);

/** One that is too long for a terminal goes on below, indented. */
export interface Line {
  readonly text: string;
  /** Its last part, whole, which has a line of its own where there is no room beside the text. */
  readonly suffix?: string;
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
  const columns = columnsOf(output) ?? Number.POSITIVE_INFINITY;
  for (const line of lines.flatMap((each) => wrapLine(each, columns)))
    output.write(`${stripControlSequences(line)}\n`);
}

function wrapLine({ text, suffix = '' }: Line, columns: number): string[] {
  const whole = suffix === '' ? text : `${text}  ${suffix}`;
  if (stringWidth(whole) <= columns) return [whole];
  return suffix === '' ? wrap(text, columns) : [...wrap(text, columns), `  ${suffix}`];
}

function wrap(text: string, columns: number): string[] {
  if (stringWidth(text) <= columns || columns <= 2 * INDENT.length) return [text];
  const isBelow = text.startsWith(INDENT);
  const lines = wrapAnsi(text.trimStart(), columns - INDENT.length, { hard: true }).split('\n');
  return lines.map((line, index) => (isBelow || index > 0 ? INDENT + line : line));
}

const colorOrControl = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m|[\\p{Cc}\\p{Zl}\\p{Zp}]`, 'gu');

/** What servers and users say may hold what steers a terminal; colours are ours. */
function stripControlSequences(line: string): string {
  return line.replace(colorOrControl, (found) => (found.length > 1 ? found : ' '));
}

/** A text of at most so many columns. */
export function truncate(
  text: string,
  columns: number,
  position: 'start' | 'middle' | 'end' = 'end',
): string {
  return cliTruncate(text, columns, { position });
}
