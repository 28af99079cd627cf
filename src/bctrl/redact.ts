import { truncateLine } from '../shared/display-text.js';
import { COLLECTION_KEY_FIELD } from '../shared/names.js';
import { findSecrets, REDACTED } from './find-secrets.js';
import { KeyMatcher } from './key-matcher.js';
import { isSecretField, isSecretName } from './secret-names.js';

/** Deeper than any useful error body; endless nesting would overflow the stack. */
const MAX_DEPTH = 20;

/** A line shows far less. This much is read, as encoded secrets are long and what is shown for them is short. */
const MAX_READ = 4_096;

/** A word that goes on behind `MAX_READ` is not read, as its end says what it is. */
const MAX_WORD = 1_024;

const matchers = new WeakMap<readonly string[], KeyMatcher>();

/** An error has many texts, and a client few keys. */
function matcherFor(apiKeys: readonly string[]): KeyMatcher {
  const known = matchers.get(apiKeys);
  if (known !== undefined) return known;
  const matcher = new KeyMatcher(apiKeys);
  matchers.set(apiKeys, matcher);
  return matcher;
}

/** Copies the fields of an error response in a form that is safe to show, at every depth; see `redactText`. */
export function redactFields(fields: object, apiKeys: readonly string[], depth = 0): Record<string, unknown> {
  const shown = Object.entries(fields).filter(
    ([name, value]) => !isSecretField(name, value) && !(name === 'value' && isNamedSecret(fields)),
  );
  return Object.fromEntries(
    shown.map(([name, value]) => [redactText(name, apiKeys), redactValue(value, apiKeys, depth + 1)]),
  );
}

/** A header or a parameter that is an object, as in `{ name: 'Authorization', value: '…' }`. */
function isNamedSecret(fields: { readonly name?: unknown; readonly key?: unknown }): boolean {
  return [fields.name, fields.key].some((name) => typeof name === 'string' && isSecretName(name));
}

function redactValue(value: unknown, apiKeys: readonly string[], depth: number): unknown {
  if (typeof value === 'string') return redactText(value, apiKeys);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === MAX_DEPTH) return '…';
  if (Array.isArray(value)) return value.map((item) => redactValue(item, apiKeys, depth + 1));
  return redactFields(value, apiKeys, depth);
}

/** Copies a text of an error in a form that is safe to show: one short line, without API keys, credentials and queries of URLs. */
export function redactText(text: string, apiKeys: readonly string[]): string {
  return truncateLine(redactSecrets(text, apiKeys));
}

/** Copies a text without API keys, credentials and queries of URLs, also where they are encoded. It may be cut at its end. */
export function redactSecrets(text: string, apiKeys: readonly string[]): string {
  const read = toRead(text);
  const secrets = findSecrets(read, matcherFor(apiKeys)).toSorted(
    (a, b) => a.start - b.start || b.end - a.end,
  );
  const parts: string[] = [];
  let end = 0;
  for (const secret of secrets) {
    if (secret.start >= end) parts.push(read.slice(end, secret.start), secret.shown);
    end = Math.max(end, secret.end);
  }
  return parts.join('') + read.slice(end);
}

function toRead(text: string): string {
  if (text.length <= MAX_READ) return text;
  const sure = MAX_READ - MAX_WORD;
  return text.slice(0, sure) + text.slice(sure, MAX_READ).replace(/\S+$/, '');
}

/**
 * Removes whole API keys from the data of a successful response. Everything else stays as it is, since it is compared and sent
 * back. A path with a key is left out: with another text in it, it would be another path.
 */
export function withoutKeys<T>(data: T, apiKeys: readonly string[]): T {
  const { keys } = matcherFor(apiKeys);
  const replace = (text: string) => keys.reduce((rest, key) => rest.replaceAll(key, REDACTED), text);
  const copy = (value: unknown, depth: number): unknown => {
    if (typeof value === 'string') return replace(value);
    if (typeof value !== 'object' || value === null) return value;
    if (depth > MAX_DATA_DEPTH) return undefined;
    if (Array.isArray(value)) return value.map((item) => copy(item, depth + 1));
    const fields = Object.entries(value).filter(
      ([name, field]) => name !== 'path' || replace(String(field)) === field,
    );
    return Object.fromEntries(
      fields.map(([name, field]) => [
        replace(name),
        // A lookup compares it, and nothing shows it.
        name === COLLECTION_KEY_FIELD ? field : copy(field, depth + 1),
      ]),
    );
  };
  return copy(data, 0) as T;
}

/** Deeper than what is read of any response. */
const MAX_DATA_DEPTH = 200;
