import { truncateLine } from '../shared/display-text.js';

/** Anything that may be a URL. A pattern that looks for the query itself would take quadratic time. */
const word = /[^\s"'<>]+/g;
const secretFields = /^(downloadUrl|authorization)$/i;

/** Deeper than any useful error body; endless nesting would overflow the stack. */
const MAX_DEPTH = 20;

/** Copies the fields that a server sent in a form that is safe to show, at every depth; see `redactText`. */
export function redactFields(fields: object, apiKeys: readonly string[], depth = 0): Record<string, unknown> {
  const shown = Object.entries(fields).filter(([name]) => !secretFields.test(name));
  return Object.fromEntries(
    shown.map(([name, value]) => [redactText(name, apiKeys), redactValue(value, apiKeys, depth + 1)]),
  );
}

function redactValue(value: unknown, apiKeys: readonly string[], depth: number): unknown {
  if (typeof value === 'string') return redactText(value, apiKeys);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === MAX_DEPTH) return '…';
  if (Array.isArray(value)) return value.map((item) => redactValue(item, apiKeys, depth + 1));
  return redactFields(value, apiKeys, depth);
}

/** Copies a text in a form that is safe to show: one short line, none of the API keys, no signed URL, no query string. */
export function redactText(text: string, apiKeys: readonly string[]): string {
  return truncateLine(withoutKeys(text, apiKeys).replace(word, withoutQuery));
}

/** No key is shorter. The beginning of one, read while its file was written, would be found everywhere. */
const MIN_KEY_LENGTH = 3;

/** Removes the longest key first: another one may be the beginning of it. */
function withoutKeys(text: string, apiKeys: readonly string[]): string {
  const keys = apiKeys.length === 1 ? apiKeys : apiKeys.filter(({ length }) => length >= MIN_KEY_LENGTH);
  const longestFirst = keys.toSorted((a, b) => b.length - a.length);
  return longestFirst.reduce((rest, key) => rest.replaceAll(key, '[redacted]'), text);
}

function withoutQuery(word: string): string {
  const [address = '', ...queries] = word.split('?', 2);
  const isQuery = queries.length > 0 && (word.includes('=', address.length) || /https?:\/\//i.test(address));
  return isQuery ? address : word;
}
