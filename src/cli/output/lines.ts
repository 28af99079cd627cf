import { randomInt } from 'node:crypto';
import cliTruncate from 'cli-truncate';
import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';
import { toTerminalText } from '../../shared/display-text.js';
import type { Output } from '../io.js';

/** Aligns a line with the text of the labelled line above it. */
export const INDENT = ' '.repeat(11);

/** A line of output. On a terminal that is too narrow it continues below, indented. */
export interface Line {
  readonly text: string;
  /** The last part of the line, such as an id or a command. It is never broken, but moves to a line of its own. */
  readonly suffix?: string;
  /** The suffix is on a line of its own, even if there is room. */
  readonly isSuffixBelow?: boolean;
}

const formats = { bold: [1, 22], dim: [2, 22], green: [32, 39], red: [31, 39], yellow: [33, 39] } as const;

/** Formats a text for an output. */
export type Style = (format: keyof typeof formats, text: string) => string;

/** In the escape sequences of our colors until they are written. A text of another party cannot have it. */
const MARK = Array.from({ length: 5 }, () => randomInt(1_000, 10_000)).join(';');

const markedCode = new RegExp(`(\\u001b\\[\\d+;${MARK}m)`, 'g');

/** Formats for a terminal with colors; leaves texts as they are for any other output, and where `NO_COLOR` is set. */
export function createStyle(output: Output): Style {
  if (!output.hasColors?.()) return (_, text) => text;
  return (format, text) => {
    const [begin, end] = formats[format];
    return `\u001b[${begin};${MARK}m${text}\u001b[${end};${MARK}m`;
  };
}

/** The width of a terminal; `undefined` for any other output, whose lines are not wrapped. */
export function terminalColumns({ isTTY, columns }: Output): number | undefined {
  return isTTY ? columns : undefined;
}

/** Writes lines, wrapped to the width of a terminal. */
export function writeLines(output: Output, lines: readonly Line[]): void {
  const columns = terminalColumns(output) ?? Number.POSITIVE_INFINITY;
  const { unfiltered = output } = output;
  for (const line of lines.flatMap((each) => wrapLine(toSafeLine(each), columns))) {
    unfiltered.write(`${line}\n`);
  }
}

function toSafeLine({ text, suffix = '', ...line }: Line): Line {
  return { ...line, text: toColoredText(text), suffix: toColoredText(suffix) };
}

function wrapLine({ text, suffix = '', isSuffixBelow = false }: Line, columns: number): string[] {
  const whole = suffix === '' ? text : `${text}  ${suffix}`;
  if (stringWidth(whole) <= columns && !isSuffixBelow) return [whole];
  return suffix === '' ? wrap(text, columns) : [...wrap(text.trimEnd(), columns), `  ${suffix}`];
}

function wrap(text: string, columns: number): string[] {
  if (stringWidth(text) <= columns || columns <= 2 * INDENT.length) return [text];
  const isIndented = text.startsWith(INDENT);
  const lines = wrapAnsi(text.trimStart(), columns - INDENT.length, { hard: true }).split('\n');
  return lines.map((line, index) => (isIndented || index > 0 ? INDENT + line : line));
}

/** The text of a line as a terminal gets it: in our colors, and without what another party could control the terminal with. */
export function toColoredText(line: string): string {
  return stripControlSequences(line).replaceAll(`;${MARK}m`, 'm');
}

/** Removes what could control a terminal; keeps our colors, marked. */
function stripControlSequences(line: string): string {
  const parts = line.split(markedCode);
  return parts
    .map((part, index) => (index % 2 === 1 ? part : toTerminalText(part.replaceAll('\n', ' '))))
    .join('');
}

/** Cuts a text to a number of columns, at the given position. */
export function truncate(
  text: string,
  columns: number,
  position: 'start' | 'middle' | 'end' = 'end',
): string {
  return cliTruncate(text, columns, { position });
}

/** Pads a text with spaces to a number of columns. */
export function pad(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(columns - stringWidth(text), 0));
}

/**
 * Aligns the cells of rows. The last cell of a row is never broken: if one does not fit into a terminal, all are below their rows.
 *
 * @param columns width of the terminal, if there is one
 */
export function tableLines(
  unsafeRows: readonly (readonly string[])[],
  columns = Number.POSITIVE_INFINITY,
): Line[] {
  const rows = unsafeRows.map((row) => row.map(stripControlSequences));
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, column) => Math.max(widest[column] ?? 0, stringWidth(cell))),
    [],
  );
  const isSuffixBelow = widths.reduce((sum, width) => sum + width + 2, -2) > columns;
  return rows.map((row) => {
    const cells = row.slice(0, -1).map((cell, column) => pad(cell, widths[column] ?? 0));
    return { text: cells.join('  ').trimEnd(), suffix: row.at(-1) ?? '', isSuffixBelow };
  });
}
