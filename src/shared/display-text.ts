import { isError } from './external-input.js';

/** Longest text that is quoted. At 3 bytes a character it fits into the 400 bytes of a summary in Temporal. */
const MAX_LENGTH = 130;

/** Control characters and white space are removed from this much of a text, so that a text of megabytes costs nothing. */
const MAX_READ = 10 * MAX_LENGTH;

/** A text for one line of a log, a terminal or the Temporal UI: without control characters, cut at its end. */
export function truncateLine(text: string): string {
  const line = stripControlCharacters(text.slice(0, MAX_READ));
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH)}…`.toWellFormed() : line;
}

/** A path for one line, cut at its beginning: its end says more. */
export function truncatePath(path: string): string {
  const line = stripControlCharacters(path.slice(-MAX_READ));
  return line.length > MAX_LENGTH ? `…${line.slice(-MAX_LENGTH)}`.toWellFormed() : line;
}

/** A text of any length, without the characters that break a line or steer a terminal. */
export function stripControlCharacters(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .toWellFormed();
}

/** The message of whatever was thrown. */
export function toMessage(error: unknown): string {
  return isError(error) ? error.message : String(error);
}

/** A whole number with thousands separators: `10,000`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A count with its noun: `1 file`, `10,000 files`. */
export function formatCountOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** An empty paragraph. The Temporal UI frames Markdown too low by the margins of its text, and would cut off the last line. */
const UI_BOTTOM_PADDING = ['', '\u00a0'];

/** Lines of Markdown that the Temporal UI shows in full. */
export function toTemporalUiMarkdown(lines: readonly string[]): string {
  return [...lines, ...UI_BOTTOM_PADDING].join('\n');
}
