import assert from 'node:assert/strict';

const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index));

/** Texts that do more in a terminal than to be read. */
export const STEERING_TEXTS: readonly string[] = [
  ...range(0x00, 0x09),
  ...range(0x0b, 0x1f),
  ...range(0x7f, 0x9f),
  ...range(0x200b, 0x200f),
  ...range(0x2028, 0x202e),
  ...range(0x2060, 0x206f),
  ...range(0xe0001, 0xe007f),
  ...['\u00ad', '\u034f', '\u061c', '\u115f', '\u180e', '\u3164', '\ufeff', '\ufff9', '\ud800', '\udc00'],
  '\u001b[2J\u001b[H',
  '\u001b[8m',
  '\u001b[31;8m',
  '\u001b]8;;https://evil.example\u001b\\click\u001b]8;;\u001b\\',
  '\u001b]52;c;ZXZpbA==\u0007',
  '\u001bPq\u001b\\',
  '\u009b31m',
];

/** All of them, as one name. */
export const STEERING_NAME = STEERING_TEXTS.join('x');

/** Letters, digits, marks, punctuation, symbols and spaces of any script, and line breaks. */
const shown = /^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}\n]*$/u;

/** The colors of the executables. */
const color = new RegExp(`${String.fromCharCode(27)}\\[(?:1|2|22|3[123469]|90)m`, 'g');

/** Variation selectors and the like are marks, but have no shape of their own. */
const invisible = /[\u034f\u115f\u1160\u3164\uffa0\u2065\u{e0000}-\u{e0fff}]/u;

/** Fails for an output that holds anything but what is seen, and the colors of the executables. */
export function assertSafeForTerminal(output: string): void {
  const text = output.replace(color, '');
  if (shown.test(text) && !invisible.test(text)) return;
  const [bad] =
    /[^\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}\n]|[\u034f\u115f\u1160\u3164\uffa0\u2065\u{e0000}-\u{e0fff}]/u.exec(
      text,
    ) ?? [];
  assert.fail(`it holds U+${bad?.codePointAt(0)?.toString(16)}: ${JSON.stringify(output.slice(0, 2_000))}`);
}

/** Follows each forged sequence, as no sequence of the executables does. */
const FORGED = 'FORGED';

/** A text with sequences that the executables and the terminal write themselves, and others. */
export const FORGING_TEXT = `a${['31m', '2K', '1A', 'G', '?25l', '8m']
  .map((sequence) => `\u001b[${sequence}${FORGED}`)
  .join('')}\r\n${FORGED}\u0007\u009b31m\u202e${FORGED}`;

/** Sequences that move the cursor, erase a line, hide the cursor or hold back a change, and line ends. */
const display = new RegExp(`${String.fromCharCode(27)}\\[(?:\\d*[ABGK]|\\?(?:25|2026)[hl])|\\r\\n`, 'g');

const forged = new RegExp(`(?:\\r\\n|${String.fromCharCode(27)}\\[[?\\d;]*[A-Za-z])${FORGED}`);

/** Like `assertSafeForTerminal`, for all that a terminal received of an executable that rewrites lines. */
export function assertSafeOnTerminal(output: string): void {
  assert.match(output, new RegExp(FORGED), 'it shows the text');
  assert.doesNotMatch(output, forged);
  assertSafeForTerminal(output.replace(display, ''));
}
