/** Everything that can be read in a message of Temporal's API as it is stored: names, strings, and bytes as text. */
export function storedText(value: unknown): string {
  if (typeof value === 'string') return `${value}\n${Buffer.from(value, 'base64')}\n`;
  if (value instanceof Uint8Array) {
    const text = Buffer.from(value).toString();
    return `${text}\n${Buffer.from(text, 'base64')}\n`;
  }
  if (typeof value !== 'object' || value === null) return `${value}\n`;
  return Object.entries(value)
    .map(([name, each]) => `${name}\n${storedText(each)}`)
    .join('');
}
