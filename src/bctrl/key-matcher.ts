/**
 * This many letters and digits of a key in a row are a part of it, if they are not words only. Fewer, or words, a text has by
 * chance: a key may begin with the name of a product, or be `local-development-key`.
 */
const PART_LENGTH = 12;

/** What words do not have: a digit, or a capital after a small letter. */
const digitOrInnerCapital = /\d|[a-z][A-Z]/;

/** No key is shorter. The beginning of one, read while its file was written, would be found everywhere. */
const MIN_KEY_LENGTH = 3;

/** Where something stands in a text: from `start` up to `end`. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Finds API keys in texts: whole, and parts of them, in any case, as hex and Base64, whatever stands between their letters and
 * digits. All takes linear time.
 */
export class KeyMatcher {
  readonly #lowerKeys: readonly string[];
  readonly #parts = new Set<string>();

  constructor(apiKeys: readonly string[]) {
    // The longest one first: another one may be the beginning of it.
    const keys = apiKeys
      .filter(({ length }) => length >= MIN_KEY_LENGTH || (apiKeys.length === 1 && length > 0))
      .toSorted((a, b) => b.length - a.length);
    this.#lowerKeys = keys.map(toLowerCase);
    for (const key of keys) {
      for (const form of [key, ...toBase64Cores(key), Buffer.from(key).toString('hex')]) {
        // Capitals after a separator begin a word, or are one.
        const letters = form.replace(/[^0-9A-Za-z]+[A-Z]*/g, toLowerCase).replace(/[^0-9A-Za-z]+/g, '');
        for (let index = 0; index + PART_LENGTH <= letters.length; index += 1) {
          const part = letters.slice(index, index + PART_LENGTH);
          if (form !== key || digitOrInnerCapital.test(part)) this.#parts.add(part.toLowerCase());
        }
      }
    }
  }

  find(text: string): TextRange[] {
    return [...this.#findWhole(toLowerCase(text)), ...this.#findParts(text)];
  }

  *#findWhole(text: string): Generator<TextRange> {
    for (const key of this.#lowerKeys) {
      for (let start = text.indexOf(key); start >= 0; start = text.indexOf(key, start + key.length)) {
        yield { start, end: start + key.length };
      }
    }
  }

  *#findParts(text: string): Generator<TextRange> {
    if (this.#parts.size === 0) return;
    const { letters, indexes } = toSkeleton(text);
    let [first, last] = [-1, -1];
    for (let index = 0; index + PART_LENGTH <= letters.length; index += 1) {
      if (!this.#parts.has(letters.slice(index, index + PART_LENGTH))) continue;
      if (first >= 0 && index > last + 1) yield toRange(indexes, first, last);
      if (first < 0 || index > last + 1) first = index;
      last = index + PART_LENGTH - 1;
    }
    if (first >= 0) yield toRange(indexes, first, last);
  }
}

function toRange(indexes: readonly number[], first: number, last: number): TextRange {
  return { start: indexes[first] ?? 0, end: (indexes[last] ?? 0) + 1 };
}

/** The ASCII letters and digits of a text, in lower case, and where they stand. */
function toSkeleton(text: string): { letters: string; indexes: number[] } {
  const indexes: number[] = [];
  const letters: string[] = [];
  for (const { 0: run, index } of text.matchAll(/[0-9A-Za-z]+/g)) {
    letters.push(run);
    for (let offset = 0; offset < run.length; offset += 1) indexes.push(index + offset);
  }
  return { letters: letters.join('').toLowerCase(), indexes };
}

/** Only ASCII, so that no index changes. */
function toLowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** What every Base64 text has in common that contains the key: one core for each place of the key among three bytes. */
function toBase64Cores(key: string): string[] {
  return [0, 1, 2].map((offset) => {
    const text = Buffer.from(' '.repeat(offset) + key).toString('base64');
    return text.slice(Math.ceil((offset * 4) / 3), Math.floor(((offset + key.length) * 4) / 3));
  });
}
