const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** A size as people write it: `999 B`, `12.3 kB`. */
export function formatBytes(bytes: number): string {
  let [value, exponent] = [bytes, 0];
  // With one decimal, 999.95 would already be rounded up to 1000.0.
  while (value >= (exponent === 0 ? 1_000 : 999.95) && exponent < units.length - 1) {
    value /= 1_000;
    exponent += 1;
  }
  return `${exponent === 0 ? value : value.toFixed(1)} ${units[exponent]}`;
}
