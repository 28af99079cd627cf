export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError for no values at all */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) throw new RangeError('There is no median of nothing');
  const upper = sorted[sorted.length >> 1] ?? max;
  const lower = sorted[(sorted.length - 1) >> 1] ?? min;
  return { median: (lower + upper) / 2, min, max };
}

export function median(values: readonly number[]): number {
  return summarize(values).median;
}

/** How far the values lie apart, as a share of the smallest. */
export function spread(values: readonly number[]): number {
  const { min, max } = summarize(values);
  return (max - min) / min;
}
