import assert from 'node:assert/strict';
import { inspect } from 'node:util';

/** An API key as a person would be given one. */
export const SECRET_KEY = 'bk_live_9fK2mQ7x-R4tW8zLcV3nJ6hYb';

/** What a signed URL, a cookie or a token is worth. */
export const SIGNATURE = '5eC4e7b0d1f8a93640c2d7e6b5a4f3c291807f6e';

/** So many letters and digits of a secret in a row are a part of it. */
const PART_LENGTH = 8;

/** In hex, eight digits may be those of a number by chance. */
const HEX_PART_LENGTH = 12;

type Encode = (text: string) => string;

const byBytes = (encode: (byte: number) => string) => (text: string) =>
  [...Buffer.from(text)].map(encode).join('');
const hexOf = (byte: number) => byte.toString(16).padStart(2, '0');
const base64 = (text: string) => Buffer.from(text).toString('base64');
const toJson = (text: string) => JSON.stringify(text).slice(1, -1);

/** How a server may encode a text that it echoes. */
const encodings: Readonly<Record<string, Encode>> = {
  'as it is': (text) => text,
  'in upper case': (text) => text.toUpperCase(),
  'percent-encoded': encodeURIComponent,
  'percent-encoded, every byte': byBytes((byte) => `%${hexOf(byte)}`),
  'percent-encoded twice': (text) => encodeURIComponent(byBytes((byte) => `%${hexOf(byte)}`)(text)),
  'as references of HTML': byBytes((byte) => `&#${byte};`),
  'as hexadecimal references of HTML': byBytes((byte) => `&#x${hexOf(byte)};`),
  'with escapes of JSON': byBytes((byte) => `\\u00${hexOf(byte)}`),
  'in JSON in JSON in JSON': (text) =>
    toJson(JSON.stringify({ a: JSON.stringify({ b: text.replaceAll('/', '\\/') }) })),
  'as Base64': base64,
  'as Base64url': (text) => Buffer.from(text).toString('base64url'),
  'as Base64 of Base64': (text) => base64(base64(text)),
  'as percent-encoded Base64': (text) => encodeURIComponent(base64(text)),
};

/** A part of a secret that a text contains, in whatever encoding; `undefined` if it is free of them. */
export function findSecret(text: string, secrets: readonly string[] = [SECRET_KEY, SIGNATURE]) {
  const parts = new Set(secrets.flatMap((secret) => toParts(secret, PART_LENGTH)));
  const hexParts = new Set(secrets.flatMap((secret) => toParts(hexText(secret), HEX_PART_LENGTH)));
  const seen = new Set<string>();
  let texts = [text];
  for (let depth = 0; depth < 4; depth += 1) {
    for (const each of texts) {
      const found =
        toParts(each, PART_LENGTH).find((part) => parts.has(part)) ??
        toParts(each, HEX_PART_LENGTH).find((part) => hexParts.has(part));
      if (found !== undefined) return found;
      seen.add(each);
    }
    texts = texts.flatMap(decodings).filter((each) => !seen.has(each));
  }
  return undefined;
}

/** Fails with the part of the secret that a value holds: anything that `inspect` shows of it. */
export function assertNoSecret(value: unknown, where: string, secrets?: readonly string[]): void {
  const text = typeof value === 'string' ? value : inspect(value, INSPECT_ALL);
  const found = findSecret(text, secrets);
  assert.equal(found, undefined, `${where} holds a part of a secret: ${text.slice(0, 2_000)}`);
}

const INSPECT_ALL = {
  depth: null,
  maxArrayLength: null,
  maxStringLength: null,
  breakLength: Number.POSITIVE_INFINITY,
};

const hexText = (text: string) => Buffer.from(text).toString('hex');

function toParts(text: string, length: number): string[] {
  const letters = text.toLowerCase().replace(/[^a-z0-9]+/g, '');
  const count = Math.max(0, letters.length - length + 1);
  return Array.from({ length: count }, (_, index) => letters.slice(index, index + length));
}

function decodings(text: string): string[] {
  const unescaped = text
    .replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
    .replace(/&#x([0-9a-f]+);/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\\u([0-9a-f]{4})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\\(["\\/])/g, '$1');
  const encoded = text.replaceAll(/=?\r?\n/g, '').match(/[\w+/-]{12,}/g) ?? [];
  const decoded = encoded.flatMap((word) =>
    [0, 1, 2, 3].map((offset) =>
      Buffer.from(word.slice(offset), 'base64').toString('latin1').replaceAll('\0', ''),
    ),
  );
  return [unescaped, ...decoded.filter((each) => /[\x20-\x7e]{8}/.test(each))].filter(
    (each) => each !== text,
  );
}

const wrap = (text: string) => text.replace(/.{76}/g, '$&\r\n');
const [FIRST_HALF, SECOND_HALF] = [SECRET_KEY.slice(0, 16), SECRET_KEY.slice(16)];
const [SIGNATURE_BEGIN, SIGNATURE_REST] = [SIGNATURE.slice(0, 20), SIGNATURE.slice(20)];

const secretTexts = [
  SECRET_KEY,
  `Bearer ${SECRET_KEY}`,
  ...['a', 'ab', 'abc'].map((prefix) => `${prefix} ${SECRET_KEY} suffix`),
  `https://s.example/f/1?X-Amz-Signature=${SIGNATURE}`,
  `token=${SIGNATURE}&a=b`,
  `/v1/files/x/download?signature=${SIGNATURE}`,
  `https://user:${SIGNATURE}@s.example/x`,
  `//s.example/path?sig=${SIGNATURE}`,
];

/** Texts of a hostile server, each with a secret in another form. */
export const hostileTexts: readonly string[] = [
  ...Object.values(encodings).flatMap((encode) => secretTexts.map(encode)),
  Buffer.from(SECRET_KEY).toString('hex'),
  wrap(base64(`${'x'.repeat(50)}${SECRET_KEY}${'y'.repeat(60)}`)),
  wrap(base64(`https://s.example/a/long/path/of/a/file/in/durable/storage.csv?signature=${SIGNATURE}`)),
  ...['\n', ' ', '" "', '…', '\u200b'].map((separator) => `${FIRST_HALF}${separator}${SECOND_HALF}`),
  `${FIRST_HALF}… is not a key`,
  ...['', ' ', ',', '"', 'a;', 'a&', '#', '?'].map((before) => `${before}X-Amz-Signature=${SIGNATURE}`),
  ...['X-Goog-Signature', 'sig', 'token', 'access_token', 'code', 'X-Amz-Credential'].map(
    (name) => `${name}=${SIGNATURE}`,
  ),
  `https://s.example/f#token=${SIGNATURE}`,
  `https://s.example/f?sig=${SIGNATURE_BEGIN}\n${SIGNATURE_REST}`,
  `signature=${SIGNATURE_BEGIN}\r\n  ${SIGNATURE_REST}`,
  `"signature": "${SIGNATURE}"`,
  `{\\"signature\\": \\"${SIGNATURE}\\"}`,
  `signature: ${SIGNATURE}`,
  `api key: ${SIGNATURE}`,
  `'api_key' : '${SIGNATURE}'`,
  `password: ${SIGNATURE}`,
  `Set-Cookie: session=${SIGNATURE}; token=${SIGNATURE}`,
  `Cookie: a=b; c=${SIGNATURE}`,
  `Authorization: Bearer ${SIGNATURE}`,
  `Authorization: Basic ${base64(`user:${SIGNATURE}`)}`,
  `Authorization: Digest username="a", realm="b c", response="${SIGNATURE}"`,
  `{"authorization": "Digest username=\\"a\\", response=\\"${SIGNATURE}\\""}`,
  `{ authorization: 'Digest username="a", response="${SIGNATURE}"' }`,
  `{"name": "Authorization", "value": "Digest username=\\"a\\", response=\\"${SIGNATURE}\\""}`,
  `{"name": "Cookie", "value": "a=b; c=${SIGNATURE}"}`,
  `{"id": 5, "name": "Cookie", "value": " a='b'; c=${SIGNATURE}"}`,
  `{"name": "token", "value": {"x": "${SIGNATURE}"}}`,
  `[{\\"value\\": \\"${SIGNATURE}\\", \\"key\\": \\"token\\"}]`,
  `it was Bearer ${SIGNATURE}`,
  `eyJhbGciOiJIUzI1NiJ9.${base64(SIGNATURE).replaceAll('=', '')}.${SIGNATURE}`,
  `token&#61;${SIGNATURE}`,
  `signature => ${SIGNATURE}`,
  `<SignatureProvided>${SIGNATURE}</SignatureProvided>`,
  Buffer.from(`Bearer ${SECRET_KEY}`, 'utf16le').toString('base64'),
  `token%3D${SIGNATURE}`,
];
