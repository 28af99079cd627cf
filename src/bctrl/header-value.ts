/** Visible ASCII characters, which every HTTP client and server accepts in a header. */
export function isHeaderValue(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
}
