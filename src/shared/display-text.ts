import { isError } from './external-input.js';

/** Longest text that is quoted. At 3 bytes a character it fits into the 400 bytes of a summary in Temporal. */
const MAX_LENGTH = 130;

/** Control characters and white space are removed from this much of a text, so that a text of megabytes costs nothing. */
const MAX_READ = 10 * MAX_LENGTH;

/**
 * What is not a character to see: it steers a terminal, breaks a line, turns the direction of a text, or hides in it. The members of
 * the class are for a regular expression with the flag `u`.
 */
const STEERING =
  '\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\u034f\\u115f\\u1160\\u3164\\uffa0\\u2065\\u{e0000}-\\u{e0fff}';

const steering = new RegExp(`[${STEERING}]+`, 'gu');

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

/** A text of any length, without the characters that break a line, steer a terminal or hide. */
export function stripControlCharacters(text: string): string {
  return text.replace(steering, ' ').trim().toWellFormed();
}

const steeringInText = new RegExp(`(?!\\n)[${STEERING}]`, 'gu');

/** A text of any number of lines that a terminal only shows. */
export function toTerminalText(text: string): string {
  return text.replace(steeringInText, ' ').toWellFormed();
}

/** JSON that a terminal only shows: its strings have escapes for what `JSON.stringify` leaves as it is. */
export function toTerminalJson(json: string): string {
  return json.replace(steeringInText, (found) =>
    found
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

/** A text in Markdown, as code: no part of it is a link, an image, HTML or any other markup. */
export function toCodeSpan(text: string): string {
  const line = stripControlCharacters(text);
  const longest = (line.match(/`+/g) ?? []).reduce((max, { length }) => Math.max(max, length), 0);
  const fence = '`'.repeat(longest + 1);
  const space = longest > 0 ? ' ' : '';
  return line === '' ? '' : `${fence}${space}${line}${space}${fence}`;
}

/** Letters, digits and what joins them in ids and paths, but no link, and no underscore that emphasizes. */
const plain = /^(?!.*www\.|.*(?:[^A-Za-z0-9]_|_[^A-Za-z0-9]))[A-Za-z0-9./](?:[\w./-]*[A-Za-z0-9])?$/i;

/** Whether a text reads the same as Markdown. */
export function isPlainMarkdown(text: string): boolean {
  return plain.test(text);
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
