import { markdownTable } from 'markdown-table';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

/** @throws RangeError for an empty list */
export function summarize(values: readonly number[]): { median: number; min: number; max: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) throw new RangeError('An empty list has no median');
  const upper = sorted[sorted.length >> 1] ?? max;
  const lower = sorted[(sorted.length - 1) >> 1] ?? min;
  return { median: (lower + upper) / 2, min, max };
}

export function median(values: readonly number[]): number {
  return summarize(values).median;
}

export function formatCount(value: number): string {
  return whole.format(value);
}

/** Three digits are more than these measurements know; whole numbers keep all theirs. */
export function formatNumber(value: number): string {
  return Math.abs(value) < 100 ? precise.format(value) : whole.format(value);
}

export function formatPercent(share: number): string {
  return `${whole.format(share * 100)} %`;
}

/** The median and, in brackets, the range, such as `2.31 × (2.2–2.45)`; a dash for an empty list. */
export function formatSummary(values: readonly number[], unit = ''): string {
  if (values.length === 0) return '–';
  const { median, min, max } = summarize(values);
  const middle = `${formatNumber(median)} ${unit}`.trimEnd();
  return values.length === 1 ? middle : `${middle} (${formatNumber(min)}–${formatNumber(max)})`;
}

/** A table with one row per item, and a column for each title. */
export function renderTable<T>(
  columns: Readonly<Record<string, (item: T) => string>>,
  items: readonly T[],
): string {
  const cells = Object.values(columns);
  return markdownTable([Object.keys(columns), ...items.map((item) => cells.map((cell) => cell(item)))]);
}
