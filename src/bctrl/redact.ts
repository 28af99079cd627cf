import { truncateLine } from '../shared/display-text.js';

/** Anything that may be a URL. A pattern that looks for the query itself would take quadratic time. */
const word = /[^\s"'<>]+/g;
const secretFields = /^(downloadUrl|authorization)$/i;

/** Deeper than any useful error body; endless nesting would overflow the stack. */
const MAX_DEPTH = 20;

/** Copies the fields that a server sent in a form that is safe to show, at every depth; see `redactText`. */
export function redactFields(fields: object, apiKey: string, depth = 0): Record<string, unknown> {
  const shown = Object.entries(fields).filter(([name]) => !secretFields.test(name));
  return Object.fromEntries(
    shown.map(([name, value]) => [redactText(name, apiKey), redactValue(value, apiKey, depth + 1)]),
  );
}

function redactValue(value: unknown, apiKey: string, depth: number): unknown {
  if (typeof value === 'string') return redactText(value, apiKey);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === MAX_DEPTH) return '…';
  if (Array.isArray(value)) return value.map((item) => redactValue(item, apiKey, depth + 1));
  return redactFields(value, apiKey, depth);
}

/** Copies a text in a form that is safe to show: one short line, no API key, no signed URL, no query string. */
export function redactText(text: string, apiKey: string): string {
  return truncateLine(text.replaceAll(apiKey, '[redacted]').replace(word, withoutQuery));
}

function withoutQuery(word: string): string {
  const [address = '', ...queries] = word.split('?', 2);
  const isQuery = queries.length > 0 && (word.includes('=', address.length) || /https?:\/\//i.test(address));
  return isQuery ? address : word;
}
