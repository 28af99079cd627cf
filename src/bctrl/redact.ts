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
  const entries = Object.entries(fields);
  const shown = entries
    .slice(0, MAX_FIELDS)
    .filter(([name, value]) => !isSecretField(name, value) && !(name === 'value' && isNamedSecret(fields)));
  const safe = Object.fromEntries(
    shown.map(([name, value]) => [redactText(name, apiKeys), redactValue(value, apiKeys, depth + 1)]),
  );
  return entries.length > MAX_FIELDS ? { ...safe, truncated: true } : safe;
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

/** Shorter keys are no secrets, and what is compared has them by chance. */
const MIN_COMPARED_KEY_LENGTH = 16;

const longKeys = (apiKeys: readonly string[]) =>
  apiKeys.filter(({ length }) => length >= MIN_COMPARED_KEY_LENGTH);

const plainCode = /^[a-z][a-z0-9_.-]{0,99}$/;

/** Copies the code of an error. It is compared, so that one such as `storage_file.path_exists` is only changed for a whole key. */
export function redactCode(code: string, apiKeys: readonly string[]): string {
  const holdsKey = longKeys(apiKeys).some((key) => code.includes(key.toLowerCase()));
  return plainCode.test(code) && !holdsKey ? code : redactText(code, apiKeys);
}

/** Fields with texts that are sent back or compared, and never shown. */
const unshownFields: ReadonlySet<string> = new Set(['nextCursor', COLLECTION_KEY_FIELD]);

/** Fields with texts that are only shown, and the id, without which nobody could say what was made. */
const shownFields: ReadonlySet<string> = new Set(['id', 'error', 'message']);

/**
 * Parses the JSON of a successful response. It is data, and stays as it is, but a text that holds a whole API key counts as
 * missing: with something else in it, it would be another path.
 */
export function parseData(json: string, apiKeys: readonly string[]): unknown {
  const keys = longKeys(apiKeys);
  const holdsKey = (text: string) => keys.some((key) => text.includes(key));
  // Nearly no body quotes a key, and a reviver is slow. An escape may hide a key.
  if (!holdsKey(json) && !json.includes('\\')) return JSON.parse(json);
  return JSON.parse(json, (name: string, value: unknown) => {
    if (holdsKey(name)) return undefined;
    if (typeof value !== 'string' || unshownFields.has(name) || !holdsKey(value)) return value;
    return shownFields.has(name) ? keys.reduce((rest, key) => rest.replaceAll(key, REDACTED), value) : null;
  });
}
