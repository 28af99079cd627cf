/** What a value takes up in a payload of Temporal's default converter. */
export function jsonByteLength(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}
