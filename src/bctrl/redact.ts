import { truncateLine } from '../shared/display-text.js';
import { COLLECTION_KEY_FIELD } from '../shared/names.js';
import { findSecrets, REDACTED } from './find-secrets.js';
import { KeyMatcher } from './key-matcher.js';
import { isSecretField, isSecretName } from './secret-names.js';

/** Deeper than any useful error body; endless nesting would overflow the stack. */
const MAX_DEPTH = 20;

/** An error has a few fields; what a server adds to them is shown up to here, as each one costs time. */
const MAX_FIELDS = 100;

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
  const shown = Object.entries(fields)
    .slice(0, MAX_FIELDS)
    .filter(([name, value]) => !isSecretField(name, value) && !(name === 'value' && isNamedSecret(fields)));
  return Object.fromEntries(
    shown.map(([name, value]) => [redactText(name, apiKeys), redactValue(value, apiKeys, depth + 1)]),
  );
}

/** A header or a parameter that is an object, as in `{ name: 'Authorization', value: '…' }`. */
function isNamedSecret(fields: { readonly name?: unknown; readonly key?: unknown }): boolean {
  return [fields.name, fields.key].some((name) => typeof name === 'string' && isSecretName(name));
}

/** A header or a parameter that is a pair, as in `['Cookie', '…']`. */
function withoutNamedSecret(item: unknown): unknown {
  if (!Array.isArray(item) || item.length !== 2) return item;
  const [name, value] = item;
  return typeof name === 'string' && isSecretField(name, value) ? [name, REDACTED] : item;
}

function redactValue(value: unknown, apiKeys: readonly string[], depth: number): unknown {
  if (typeof value === 'string') return redactText(value, apiKeys);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === MAX_DEPTH) return '…';
  if (Array.isArray(value)) {
    return value
      .slice(0, MAX_FIELDS)
      .map((item) => redactValue(withoutNamedSecret(item), apiKeys, depth + 1));
  }
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

/** A code of an error, which is compared: `storage_file.path_exists`. Its letters are no part of a key, unless it has a whole one. */
const plainCode = /^[a-z][a-z0-9_.-]{0,99}$/;

/** Copies the code of an error in a form that is safe to show. */
export function redactCode(code: string, apiKeys: readonly string[]): string {
  return plainCode.test(code) && !matcherFor(apiKeys).holdsKey(code) ? code : redactText(code, apiKeys);
}

/** Shorter keys are no secrets, and data has them by chance. */
const MIN_KEY_LENGTH_IN_DATA = 16;

/** Fields with texts that are sent back or compared, and never shown. */
const unshownFields: ReadonlySet<string> = new Set(['nextCursor', COLLECTION_KEY_FIELD]);

/**
 * Parses the JSON of a successful response. It is data, and stays as it is, but a text that holds a whole API key counts as
 * missing: with something else in it, it would be another path. Only of an `id` is the rest kept, since without one nobody could
 * say what was made.
 */
export function parseData(json: string, apiKeys: readonly string[]): unknown {
  const keys = apiKeys.filter(({ length }) => length >= MIN_KEY_LENGTH_IN_DATA);
  const holdsKey = (text: string) => keys.some((key) => text.includes(key));
  // Nearly no body quotes a key, and a reviver is slow. An escape may hide a key.
  if (!holdsKey(json) && !json.includes('\\')) return JSON.parse(json);
  return JSON.parse(json, (name: string, value: unknown) => {
    if (holdsKey(name)) return undefined;
    if (typeof value !== 'string' || unshownFields.has(name) || !holdsKey(value)) return value;
    return name === 'id' ? keys.reduce((rest, key) => rest.replaceAll(key, REDACTED), value) : null;
  });
}
