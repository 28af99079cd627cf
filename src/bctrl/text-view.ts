/** A text as it reads with its escapes decoded, and where each character begins in the original. */
export interface TextView {
  readonly text: string;
  /** One more than there are characters: the last one is the end. */
  readonly starts: readonly number[];
}

/** A key in JSON in JSON, percent-encoded twice, has four. */
const MAX_DECODINGS = 5;

/** Percent-encoding, character references of HTML, and escapes of JSON. */
const escapes =
  /%([0-9a-f]{2})|&#x0{0,8}([0-9a-f]{1,4});?|&#0{0,8}(\d{1,5});?|&([a-z]{2,6});|\\u([0-9a-f]{4})|\\x([0-9a-f]{2})|\\([\\/"'bfnrt])/gi;

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  apos: "'",
  colon: ':',
  equals: '=',
  gt: '>',
  lt: '<',
  nbsp: ' ',
  num: '#',
  quest: '?',
  quot: '"',
  sol: '/',
};

const controls: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** The text itself, and as it reads after each decoding of its escapes. */
export function toViews(text: string): TextView[] {
  let view: TextView | undefined = { text, starts: Array.from({ length: text.length + 1 }, (_, i) => i) };
  const views: TextView[] = [];
  while (view !== undefined && views.length <= MAX_DECODINGS) {
    views.push(view);
    view = decode(view);
  }
  return views;
}

/** Decodes one level of escapes; `undefined` if there are none. */
function decode({ text, starts }: TextView): TextView | undefined {
  const parts: string[] = [];
  const decodedStarts: number[] = [];
  let end = 0;
  for (const match of text.matchAll(escapes)) {
    const character = toCharacter(match);
    if (character === undefined) continue;
    parts.push(text.slice(end, match.index), character);
    for (let index = end; index <= match.index; index += 1) decodedStarts.push(starts[index] ?? 0);
    end = match.index + match[0].length;
  }
  if (end === 0) return undefined;
  parts.push(text.slice(end));
  for (let index = end; index <= text.length; index += 1) decodedStarts.push(starts[index] ?? 0);
  return { text: parts.join(''), starts: decodedStarts };
}

function toCharacter([, percent, hex, decimal, entity, unicode, byte, letter]: RegExpExecArray):
  | string
  | undefined {
  if (entity !== undefined) return entities[entity.toLowerCase()];
  if (letter !== undefined) return controls[letter] ?? letter;
  if (decimal !== undefined) return String.fromCharCode(Number(decimal));
  return String.fromCharCode(Number.parseInt(percent ?? hex ?? unicode ?? byte ?? '', 16));
}
