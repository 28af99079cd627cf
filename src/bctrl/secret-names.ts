/** What a word of a name ends with if the value is a secret. */
const secretWord =
  /(token|secret|password|passwd|passphrase|pwd|cookie|signature|credential|apikey|sessid|sessionid)s?$/;
const secretWords: ReadonlySet<string> = new Set(['sig', 'session', 'authorization', 'jwt', 'bearer']);

/** An id of the API, which a session of the API has for its own. */
const apiId = /^(?:file|inv|org|rt|run|sp)_\w{1,64}\.?$/;

/** The last word of a name that says something about a secret, as in `tokenCount`. */
const harmlessEnds: ReadonlySet<string> = new Set(
  `algorithm at bytes count counts enabled error expired expires expiry field id ids in invalid issuer kind length limit
  limits message method missing ms name names remaining required scope scopes seconds size state status supported total ttl
  type usage used valid version`.split(/\s+/),
);

const urlWords: ReadonlySet<string> = new Set(['url', 'urls', 'uri', 'href', 'link', 'location']);
const signedUrlWords: ReadonlySet<string> = new Set(['download', 'upload', 'signed', 'presigned']);

/** Names are short. A longer one is judged by its end. */
const MAX_NAME_LENGTH = 100;

/** Whether a field, header or parameter of this name has a secret for its value: `accessToken`, `X-Amz-Signature`, `api_key`. */
export function isSecretName(name: string): boolean {
  const words = toWords(name);
  const isSecret = words.some((word, index) => isSecretWord(word) || isApiKey(words, index));
  if (!isSecret) return false;
  // The id of a session is what a cookie carries.
  return !harmlessEnds.has(words.at(-1) ?? '') || words.slice(-2).join(' ') === 'session id';
}

/** Whether a field is left out of what is shown: its value is a secret, or a URL with one. */
export function isSecretField(name: string, value: unknown): boolean {
  if (typeof value === 'boolean' || value === null) return false;
  if (isSecretName(name)) return !isHarmlessValue(name, value);
  const words = toWords(name);
  const last = words.at(-1) ?? '';
  if (!urlWords.has(last) && !/(url|uri|href)$/.test(last)) return false;
  if (words.some((word) => signedUrlWords.has(word))) return true;
  return typeof value === 'string' && /[?#&;]|%3f|:\/\/[^/]*@/i.test(value);
}

/** Whether a value is no secret, despite its name: a count as in `maxTokens`, an id of the API, or a word as in `signature=valid`. */
export function isHarmlessValue(name: string, value: unknown): boolean {
  const text = typeof value === 'object' ? '' : String(value);
  if (/tokens$/i.test(name) && /^\d+$/.test(text)) return true;
  return (/session(?:_?id)?$/i.test(name) && apiId.test(text)) || isHarmlessWord(text);
}

/** Whether a word says something about a secret, as in `password: required`. */
export function isHarmlessWord(word: string): boolean {
  return harmlessEnds.has(word.replace(/[.!?)]$/, ''));
}

function isSecretWord(word: string): boolean {
  return secretWords.has(word) || secretWord.test(word);
}

function isApiKey(words: readonly string[], index: number): boolean {
  return (
    /^keys?$/.test(words[index] ?? '') && /^(api|access|private|secret|signing)$/.test(words[index - 1] ?? '')
  );
}

/** The words of a name in camelCase, snake_case or kebab-case. */
function toWords(name: string): string[] {
  return name
    .slice(-MAX_NAME_LENGTH)
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}
