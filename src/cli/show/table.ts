import stringWidth from 'string-width';
import type { Line } from './lines.js';

/** Rows with their cells below each other. The last cell of a row is never cut. */
export function tableLines(rows: readonly (readonly string[])[]): Line[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, stringWidth(cell));
    }
  }
  return rows.map((row) => {
    const cells = row
      .slice(0, -1)
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - stringWidth(cell)));
    return { text: cells.join('  ').trimEnd(), last: row.at(-1) ?? '' };
  });
}
