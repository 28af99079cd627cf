import { markdownTable } from 'markdown-table';
import { formatNumber, formatSummary } from './format.js';
import { isMet, type MeasureRow } from './measure-rows.js';

/** The measures as GitHub-flavoured Markdown: measured is the median, with the smallest and the largest value. */
export function renderTable(rows: readonly MeasureRow[]): string {
  return markdownTable([
    ['measure', 'target', 'measured', ''],
    ...rows.map((row) => [row.measure, targetText(row), measuredText(row), verdict(row)]),
  ]);
}

function targetText({ target, unit }: MeasureRow): string {
  if (target === undefined) return '–';
  const [sign, value] = 'atLeast' in target ? ['≥', target.atLeast] : ['≤', target.atMost];
  return [sign, formatNumber(value), unit].filter((part) => part !== '').join(' ');
}

function measuredText({ values, unit }: MeasureRow): string {
  return values.length === 0 ? 'not measured' : formatSummary(values, unit);
}

function verdict(row: MeasureRow): string {
  const met = isMet(row);
  if (met === undefined) return '–';
  return met ? 'pass' : 'miss';
}
