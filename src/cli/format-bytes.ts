const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** A size as people write it: `999 B`, `12.3 kB`. */
export function formatBytes(bytes: number): string {
  const exponent = bytes < 1_000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  const value = bytes / 1_000 ** exponent;
  return `${exponent === 0 ? value : value.toFixed(1)} ${units[exponent]}`;
}
