import { summarize } from '../statistics.js';

const count = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

export function formatCount(value: number): string {
  return count.format(value);
}

/** Three digits tell more than these measurements know; whole numbers lose none. */
export function formatNumber(value: number): string {
  return Math.abs(value) < 100 ? precise.format(value) : count.format(value);
}

export function formatPercent(share: number): string {
  return `${count.format(share * 100)} %`;
}

/** `2.31 × (2.2–2.45)`; a dash where there is nothing. */
export function formatSummary(values: readonly number[], unit: string): string {
  if (values.length === 0) return '–';
  const { median, min, max } = summarize(values);
  const middle = [formatNumber(median), unit].filter((part) => part !== '').join(' ');
  return values.length === 1 ? middle : `${middle} (${formatNumber(min)}–${formatNumber(max)})`;
}
