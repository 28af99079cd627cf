/**
 * An empty paragraph. The Temporal UI shows Markdown in a frame that is too low by the margins of its text, so that it would
 * cut off the last line.
 */
const UI_BOTTOM_PADDING = ['', '\u00a0'];

/** Lines as the Temporal UI shows them as a whole. */
export function toTemporalUiMarkdown(lines: readonly string[]): string {
  return [...lines, ...UI_BOTTOM_PADDING].join('\n');
}
