import type { KeyMatcher, TextRange } from './key-matcher.js';
import { isHarmlessValue, isHarmlessWord, isSecretName } from './secret-names.js';
import { toViews } from './text-view.js';

export const REDACTED = '[redacted]';

/** A secret in a text, and what is shown in its place. */
export interface FoundSecret extends TextRange {
  readonly shown: '' | typeof REDACTED;
}

/** Base64 of Base64 of a URL. */
const MAX_BASE64_DEPTH = 2;

/**
 * Finds what gives access in a text of the API: API keys, signed and other queries of URLs, credentials. Escapes and Base64 are
 * decoded to find them. The text is hostile: the caller bounds its length, and no pattern backtracks through all of it.
 */
export function findSecrets(text: string, keys: KeyMatcher, depth = 0): FoundSecret[] {
  return toViews(text).flatMap(({ text: decoded, starts }) =>
    [...findInView(decoded, keys, depth)].map(({ start, end, shown = REDACTED }) => ({
      start: starts[start] ?? 0,
      end: starts[end] ?? text.length,
      shown,
    })),
  );
}

interface InView extends TextRange {
  readonly shown?: FoundSecret['shown'];
}

function* findInView(text: string, keys: KeyMatcher, depth: number): Generator<InView> {
  yield* keys.find(text);
  yield* findQueries(text);
  yield* findCredentials(text);
  yield* findPairs(text);
  yield* findInMarkup(text);
  if (depth < MAX_BASE64_DEPTH) yield* findBase64(text, keys, depth);
}

/** Anything that may be a URL. A pattern that looks for the query itself would take quadratic time. */
const word = /[^\s"'<>]+/g;

/** The rest of a long text that was wrapped: it has a digit and a letter. */
const wrappedRest =
  /(?:\s{1,4}(?=[^\s]{0,80}\d)(?=[^\s]{0,80}[a-z])[\w%~+/=.&-]{8,2048}(?=[\s"'<>),;]|$))+/iy;

function* findQueries(text: string): Generator<InView> {
  for (const { 0: address, index } of text.matchAll(word)) {
    const query = address.indexOf('?');
    if (query < 0) continue;
    if (!address.includes('=', query) && !/https?:\/\//i.test(address.slice(0, query))) continue;
    const start = index + query;
    yield { start, end: endOf(wrappedRest, text, index + address.length, /[\r\n]/), shown: '' };
  }
}

/** User and password of a URL, tokens that are recognized by themselves, and credentials after the name of their scheme. */
const credentials = [
  /(?<=(?:^|[^\w./-])\/\/)[^\s/?#@"'<>]{1,256}(?=@)/g,
  /(?<=(?:^|\s)(?:-u|--user)[ \t=]{1,3}["']?[^\s:"']{0,128}:)[^\s"']{1,256}/g,
  /eyJ[\w-]{8,2048}\.[\w-]{4,2048}(?:\.[\w-]{0,2048}){0,3}/g,
  /(?<=\b(?:[Bb]earer|BEARER|[Bb]asic|BASIC|[Nn]egotiate)[ \t]{1,3})(?![a-z]{1,20}(?:[_.-][a-z]{1,20})*(?![\w+/=.~-]))(?=\S{0,60}[\d=]|\S{20})[\w+/=.~-]{8,2048}/g,
];

function* findCredentials(text: string): Generator<InView> {
  for (const pattern of credentials) {
    for (const { 0: found, index } of text.matchAll(pattern))
      yield { start: index, end: index + found.length };
  }
}

const nameAndSeparator = /(api keys?|[\w$-]{1,64})[\\"'\]]{0,8}[ \t]{0,3}(=>?|[:>])[ \t]{0,3}/gi;
/** Up to the same quote, with as many backslashes before it. */
const quotedValue = /(\\{0,7})(["'])(?:(?!(?<!\\)\1\2)[^\r\n]){1,2048}/y;
const bareValue = /(?:(?:bearer|basic|digest|negotiate)[ \t]{1,3})?[^\s"'<>&;,]{1,2048}/iy;
const restOfLine = /[^\r\n"'<>]{1,2048}/y;
/** Its parameters are quoted. */
const digest = /digest[ \t]{1,3}(?:\w{1,20}=(?:"[^"\r\n]{0,512}"?|[^\s,"']{1,512})[ \t,]{0,4}){1,20}/iy;

/** A value that is a word of a sentence, as in `invalid_token: The token has expired`, or a small number. */
const wordOfSentence = /^(?:(?:bearer|basic|digest)[ \t]+)?(?:[a-z]{1,20}[.!?)]?|\d{1,3})$/i;
const sentence = /[a-z]{1,20}(?:[ \t]+[a-z]{1,20}){2}/iy;

/** Names that say too little anywhere but before an equals sign. */
const nameOfParameter = /(?:^|[_-])(?:auth|hmac|otp|pass)$/i;

/** Values after a name that says they are secret, as `sig=…`, `"signature": "…"`, `<token>…` or `Set-Cookie: …`. */
function* findPairs(text: string): Generator<InView> {
  let end = 0;
  for (const match of text.matchAll(nameAndSeparator)) {
    // What begins in the value before it is redacted with it.
    const value = match.index + match[0].length < end ? undefined : findValue(text, match);
    if (value === undefined) continue;
    end = value.end;
    yield value;
  }
}

function findValue(text: string, { 0: all, 1: name = '', 2: separator, index }: RegExpExecArray) {
  const isCode = /^code$/i.test(name) && separator === '=';
  const isParameter = isCode || (separator === '=' && nameOfParameter.test(name));
  if (!isParameter && !isSecretName(name)) return undefined;
  if (separator === '>' && text[index - 1] !== '<') return undefined;
  const start = index + all.length;
  const range = findDelimited(text, start);
  if (range) return isHarmlessValue(name, text.slice(range.start, range.end)) ? undefined : range;
  const value = matchAt(bareValue, text, start);
  if (value === undefined || isHarmlessValue(name, value)) return undefined;
  if (isParameter && /^\d{1,3}$/.test(value)) return undefined;
  // The code of an OAuth redirect, but not one of an error.
  if (isCode && text[index - 1] !== '#' && !/^(?=.*\d)(?=.*[a-z])[\w/-]{16,}/.test(value)) return undefined;
  const line = valueOfHeader(name, text, start);
  if (line === undefined && separator === ':' && wordOfSentence.test(value)) {
    const isLast = !/^\s+[a-z]/i.test(text.slice(start + value.length, start + value.length + 4));
    if (!(isLast && /(password|passwd|secret)$/i.test(name))) return undefined;
  }
  return { start, end: endOf(wrappedRest, text, start + (line ?? value).length, /\s/) };
}

/** A list, an object or a quoted text, without its quotes, that begins at `start`. */
function findDelimited(text: string, start: number): TextRange | undefined {
  if (/[[{]/.test(text[start] ?? '')) return { start, end: endOfNested(text, start) };
  const quoted = matchAt(quotedValue, text, start);
  if (quoted === undefined) return undefined;
  return { start: start + quoted.search(/["']/) + 1, end: start + quoted.length };
}

/** The rest of the line of a header whose value has spaces: a cookie, or credentials after any scheme. */
function valueOfHeader(name: string, text: string, start: number): string | undefined {
  const line = matchAt(restOfLine, text, start);
  if (line === undefined || /cookie$/i.test(name)) return line;
  if (!/authorization$/i.test(name) || matchAt(sentence, text, start) !== undefined) return undefined;
  const parameters = matchAt(digest, text, start);
  if (parameters !== undefined) return parameters;
  const words = line.trim().split(/\s+/);
  return words.length > 1 && !isHarmlessWord(words.at(-1) ?? '') ? line : undefined;
}

const quotedOrBracket = /(["'])(?:\\[\s\S]?|(?!\1)[^\\])*(?:\1|$)|[[\]{}]/g;

/** The end of a list or an object, or of the text. */
function endOfNested(text: string, start: number): number {
  let depth = 0;
  for (const { 0: part, index } of text.slice(start).matchAll(quotedOrBracket)) {
    if (/^[[{]/.test(part)) depth += 1;
    if (/^[\]}]/.test(part)) depth -= 1;
    if (depth === 0) return start + index + 1;
  }
  return text.length;
}

const element = /<([\w:-]{1,64})(\s[^<>]{0,512})(?:>([^<>]{0,2048})|$)/g;
const braceAndFields = /^[^{}]+|[{}][^{}]*/g;
const nameField = /[\s"'{,](?:name|id|key)["']?\s{0,4}[=:]\s{0,4}["']?([\w.$-]{1,64})/gi;
const valueInMarkup = /[\s"'](?:value|content)\s{0,4}=\s{0,4}/gi;
const valueInJson = /[\s"'{,]value["']?\s{0,4}:\s{0,4}/gi;
const bareLiteral = /[^\s"'<>,}]{1,2048}/y;

/** `<token type="x">…`, `<input name="token" value="…">`, and `{"name": "token", "value": "…"}`. */
function* findInMarkup(text: string): Generator<InView> {
  for (const { 0: all, 1: name = '', 2: attributes = '', 3: content = '', index } of text.matchAll(element)) {
    const end = index + all.length;
    if (content !== '' && isSecretName(name)) yield { start: end - content.length, end };
    yield* findNamedValues(text, [{ start: index + 1 + name.length, fields: attributes }], valueInMarkup);
  }
  for (const parts of splitObjects(text)) yield* findNamedValues(text, parts, valueInJson);
}

interface Fields {
  readonly start: number;
  readonly fields: string;
}

/** The fields of each object, in the parts that are before, between and after the objects that it holds. */
function* splitObjects(text: string): Generator<Fields[]> {
  const around: Fields[][] = [];
  let parts: Fields[] = [];
  for (const { 0: fields, index: start } of text.matchAll(braceAndFields)) {
    if (fields.startsWith('{')) {
      around.push(parts);
      parts = [];
    } else if (fields.startsWith('}')) {
      yield parts;
      parts = around.pop() ?? [];
    }
    parts.push({ start, fields });
  }
  // Objects that are still open are those of a text that was cut off. The first entry is outside of all objects.
  if (around.length > 0) yield* [...around.slice(1), parts];
}

/** The values of fields, or attributes, that have a secret's name among them. */
function* findNamedValues(text: string, parts: readonly Fields[], valueField: RegExp): Generator<InView> {
  const names = parts.flatMap(({ fields }) => [...fields.matchAll(nameField)].map(([, name = '']) => name));
  const name = names.find(isSecretName);
  if (name === undefined) return;
  for (const { start: from, fields } of parts) {
    for (const { 0: before, index } of fields.matchAll(valueField)) {
      const start = from + index + before.length;
      const range = findDelimited(text, start) ?? findLiteral(text, start);
      if (range && !isHarmlessValue(name, text.slice(range.start, range.end))) yield range;
    }
  }
}

function findLiteral(text: string, start: number): TextRange | undefined {
  const literal = matchAt(bareLiteral, text, start);
  if (literal === undefined || /^(?:null|true|false|undefined)$/.test(literal)) return undefined;
  return { start, end: start + literal.length };
}

/** Lines of Base64, the last one of any length. */
const base64 = /(?:[\w+/-]{60,}\r?\n[ \t]{0,8}){0,64}[\w+/-]{12,}={0,2}/g;
/** Random bytes have shorter ones by chance. */
const printable = /[\t\r\n\x20-\x7e]{12,}/g;

/** Encoded words that are redacted whole, as their decoded text holds a secret. */
function* findBase64(text: string, keys: KeyMatcher, depth: number): Generator<InView> {
  for (const { 0: encoded, index } of text.matchAll(base64)) {
    const symbols = encoded.replace(/\s+/g, '');
    // What precedes it may have become a part of it, such as a folder of its path.
    const holdsSecret = [0, 1, 2, 3].some((offset) => {
      const decoded = Buffer.from(symbols.slice(offset), 'base64').toString('latin1').replaceAll('\0', '');
      return (decoded.match(printable) ?? []).some((run) => findSecrets(run, keys, depth + 1).length > 0);
    });
    if (holdsSecret) yield { start: index, end: index + encoded.length };
  }
}

function matchAt(pattern: RegExp, text: string, index: number): string | undefined {
  pattern.lastIndex = index;
  return pattern.exec(text)?.[0];
}

/** The end of a secret, together with a rest of it on the lines that follow. */
function endOf(rest: RegExp, text: string, end: number, separator: RegExp): number {
  const found = matchAt(rest, text, end);
  return found !== undefined && separator.test(found) ? end + found.length : end;
}
