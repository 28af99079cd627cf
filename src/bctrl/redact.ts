import { truncateLine } from '../shared/display-text.js';

/** Anything that may be a URL. A pattern that looks for the query itself would take quadratic time. */
const word = /[^\s"'<>]+/g;
const secretFields = /^(downloadUrl|authorization)$/i;

/** Deeper than any useful error body; endless nesting would overflow the stack. */
const MAX_DEPTH = 20;

/** Copies what a server sent in a form that is safe to show: short lines, no API key, no signed URL, no query string. */
export function redact<T>(value: T, apiKey: string): T {
  return redactBelow(value, apiKey, 0) as T;
}

function redactBelow(value: unknown, apiKey: string, depth: number): unknown {
  if (typeof value === 'string') return redactText(value, apiKey);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === MAX_DEPTH) return '…';
  const inner = (item: unknown) => redactBelow(item, apiKey, depth + 1);
  if (Array.isArray(value)) return value.map(inner);
  const fields = Object.entries(value).filter(([name]) => !secretFields.test(name));
  return Object.fromEntries(fields.map(([name, item]) => [redactText(name, apiKey), inner(item)]));
}

function redactText(text: string, apiKey: string): string {
  return truncateLine(text.replaceAll(apiKey, '[redacted]').replace(word, withoutQuery));
}

function withoutQuery(word: string): string {
  const [address = '', ...queries] = word.split('?', 2);
  const isQuery = queries.length > 0 && (word.includes('=', address.length) || /https?:\/\//i.test(address));
  return isQuery ? address : word;
}
