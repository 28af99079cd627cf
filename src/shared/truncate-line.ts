/** Longest text that is quoted: at 3 bytes a character it stays under the 400 bytes of a summary in Temporal. */
const MAXIMUM_LENGTH = 130;

/** More of a text than is quoted, as control characters and white space are taken out; a text of megabytes costs nothing. */
const MAXIMUM_READ = 10 * MAXIMUM_LENGTH;

/** A text fit for one line of a log, a terminal or the Temporal UI: no control characters, cut at its end. */
export function truncateLine(text: string): string {
  const line = stripControlCharacters(text.slice(0, MAXIMUM_READ));
  return line.length > MAXIMUM_LENGTH ? `${line.slice(0, MAXIMUM_LENGTH)}…`.toWellFormed() : line;
}

/** The same for a path, whose end tells more than its beginning. */
export function truncatePath(path: string): string {
  const line = stripControlCharacters(path.slice(-MAXIMUM_READ));
  return line.length > MAXIMUM_LENGTH ? `…${line.slice(-MAXIMUM_LENGTH)}`.toWellFormed() : line;
}

/** A text as it is, without what would break a line or steer a terminal. */
export function stripControlCharacters(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .toWellFormed();
}
