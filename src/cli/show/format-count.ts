/** A count with its thousands apart: `10,000`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}
