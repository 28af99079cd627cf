import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseData, redactCode, redactFields, redactSecrets, redactText } from '../../src/bctrl/redact.js';
import { isSecretField } from '../../src/bctrl/secret-names.js';
import { assertNoSecret, findSecret, hostileTexts, SECRET_KEY } from '../support/secrets.js';

const redacted = (fields: object) => redactFields(fields, ['key-1']);
const redactedText = (text: string) => redactText(text, ['key-1']);

test('the API key is removed from texts and field names, at every depth', () => {
  assert.deepEqual(redacted({ a: ['Bearer key-1!'], 'x-key-1': { b: 'key-1key-1' } }), {
    a: ['Bearer [redacted]!'],
    'x-[redacted]': { b: '[redacted][redacted]' },
  });
});

test('every key is removed, also one that begins with another', () =>
  assert.equal(
    redactText('key-1, key-12, old', ['key-1', 'old', 'key-12']),
    '[redacted], [redacted], [redacted]',
  ));

test('query strings are removed, and the rest of the URL stays', () => {
  const text = 'see https://s.example/f/1?signature=abc&x=1, or "/v1/files?cursor=2"';
  assert.equal(redactedText(text), 'see https://s.example/f/1 or "/v1/files"');
});

test('a query without an equals sign is removed after a web address', () => {
  assert.equal(redactedText('(HTTPS://s.example/f?abc) and what?else'), '(HTTPS://s.example/f and what?else');
});

test('a hostile text has no secret once it is redacted, whatever surrounds it', () => {
  for (const text of hostileTexts) {
    assert.notEqual(findSecret(text), undefined, `the scan finds the secret in ${text}`);
    for (const whole of [text, `Not ${text} now`, `a ${text}`, `${text}\nb`, `(${text})`]) {
      assertNoSecret(redactSecrets(whole, [SECRET_KEY]), whole);
      assertNoSecret(redactFields({ a: [{ [whole]: whole }] }, [SECRET_KEY]), whole);
    }
  }
});

test('each half of a key is redacted, so that it may be split over two fields', () =>
  assert.deepEqual(
    redactFields({ error: `No key ${SECRET_KEY.slice(0, 16)}`, hint: SECRET_KEY.slice(16) }, [SECRET_KEY]),
    { error: 'No key [redacted]', hint: '-[redacted]' },
  ));

for (const [text, shown] of [
  [`Bearer ${SECRET_KEY}!`, 'Bearer [redacted]!'],
  ['token&#61;abc&amp;a=b', 'token&#61;[redacted]&amp;a=b'],
  ['https://me:pw@s.example/f', 'https://[redacted]@s.example/f'],
  ['"signature": "abc", "size": 5', '"signature": "[redacted]", "size": 5'],
  ['Set-Cookie: a=b; c=d', 'Set-Cookie: [redacted]'],
  ['/v1/files/x/download?signature=abc is gone', '/v1/files/x/download is gone'],
  ['{"set-cookie":["sid=abc]; Path=/"],"a":1}', '{"set-cookie":[redacted],"a":1}'],
  ['{"tokens":["a1","b1"],"a":1}', '{"tokens":[redacted],"a":1}'],
  ['"token":{"value":{"a":"b"}} ]', '"token":[redacted] ]'],
  ['"apiKeys": ["a1", "b', '"apiKeys": [redacted]'],
  ['Authorization: Token abc', 'Authorization: [redacted]'],
  ['authorization: ApiKey abc', 'authorization: [redacted]'],
  ['Proxy-Authorization: Key a, b=c', 'Proxy-Authorization: [redacted]'],
  ['<token type="x">abc</token>', '<token type="x">[redacted]</token>'],
  ['<input name="token" value="abc d">', '<input name="token" value="[redacted]">'],
  ["<meta content='abc' name='csrf-token'>", "<meta content='[redacted]' name='csrf-token'>"],
  ['[{"name": "Cookie", "value": "a=b c"}]', '[{"name": "Cookie", "value": "[redacted]"}]'],
  ['{"id": "5", "name": "token", "value": ["a1"]}', '{"id": "5", "name": "token", "value": [redacted]}'],
  ['{"name":"token","value":a1,"path":"a.csv"}', '{"name":"token","value":[redacted],"path":"a.csv"}'],
  ['{"of":{"a":1},"name":"token","value":"a1"}', '{"of":{"a":1},"name":"token","value":"[redacted]"}'],
  ['{"name":"sid_token","of":{},"value":"a1"}', '{"name":"sid_token","of":{},"value":"[redacted]"}'],
  ['a}, "of":{}, "name":"token", "value":"a1"}', 'a}, "of":{}, "name":"token", "value":"[redacted]"}'],
  ['{"a":{"name":"token","of":{},"value":"a1', '{"a":{"name":"token","of":{},"value":"[redacted]'],
  ['<input id="x" name="csrf_token" value="a1">', '<input id="x" name="csrf_token" value="[redacted]">'],
  ['Authorization: Digest a="b c", d=e1 (try later)', 'Authorization: [redacted](try later)'],
  [`password: "it's"`, 'password: "[redacted]"'],
  ["{ value: 'abc', key: 'api_key' }", "{ value: '[redacted]', key: 'api_key' }"],
  ['curl -u user:pw -v', 'curl -u user:[redacted] -v'],
  ['hmac=abc&pass=abc&auth=abc&otp=123456', 'hmac=[redacted]&pass=[redacted]&auth=[redacted]&otp=[redacted]'],
  ['/callback#code=abc', '/callback#code=[redacted]'],
  ['password: hunter', 'password: [redacted]'],
  ["tokens: ['a]b', 'c'] d", 'tokens: [redacted] d'],
  [`token="a sig='b1c2'`, `token="[redacted]`],
  ['API keys: abc1', 'API keys: [redacted]'],
  ['bearer ABCDEfghijklmnopqrst', 'bearer [redacted]'],
  ['sessionId: 5eC4e7b0', 'sessionId: [redacted]'],
  ['bearer authentication_required1', 'bearer [redacted]'],
  ['//me:pw@s.example/f', '//[redacted]@s.example/f'],
] as const) {
  test(`${text.replace(SECRET_KEY, '<key>')} → ${shown}`, () =>
    assert.equal(redactText(text, [SECRET_KEY]), shown));
}

test('an ordinary text stays as it is', () => {
  for (const text of [
    'reports/2026/summary.json is missing',
    'The file out/report-4f9c2d7e6b5a4f3c291807f6e9b8a7d6.csv does not exist.',
    'src/components/VeryLongComponentNameForTheDashboardOfTheProduct.tsx',
    '4d26a7f0-93c1-4b58-8e2d-6f7a8b9c0d1e',
    'file_7f3c2k9x1m5n8p0q4r6s2t and run_01HZX3K9V7Q2M4N6P8R0S2T4V6',
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
    'dXNlcl9pZF8xMjM0NTY3ODkwYWJjZGVm',
    '2026-11-29T10:49:57.123Z',
    'auth.required: The key has expired',
    'token.expired: The token has expired.',
    'invalid_token: Send another one',
    'wrong_password: The password is wrong',
    'session: not found',
    'signature does not match',
    'Authorization: Bearer token is required',
    'the basic authentication of the proxy',
    'returned code=ECONNREFUSED',
    'max_tokens=512, tokens: 512 of 1024',
    'keyId=key_123456789, organizationId=org_123, limit=100',
    'C:\\new\\table.csv',
    'path: /files/a=b.csv',
    'a.csv (1/3): 50%25 done',
    'https://docs.bctrl.ai/errors/storage#full',
    'mailto:ops@example.com',
    'Unrecognized key: "token"',
    'Retry after 30 s: 5 of 10',
    'token > 5 and <b>bold</b>',
    '/assets//logo@2x.png and /out//user@host',
    'sessionId: sp_7f3c2k9x1m is closed, session: rt_1, "sessionId": "sp_1"',
    'pass=5 fail=1',
    'password: required, token: 5 expected, signature=valid',
    'bearer authentication_required',
    'Authorization: header missing',
    'token: unauthenticated request',
    'tar -u a b: c',
    '<input name="size" value="5">',
    '{"name": "size", "value": "5"}, {"name": "token"}, {"value": "6"}',
    '{"of":{"name":"token"},"value":"5"}, {"name":"token","of":{"value":"6"}}',
    '{"name":"token"} and {} , value: 5',
    '{"name":"token","value":null,"path":"a.csv"}, {"name":"max_tokens","value":4096}',
    '{"name":"tokens.csv","content":"text/csv"}, {"key":"password","value":"required"}',
    Buffer.from('\xff\xfe-k?AUv=O\xe9\x80'.repeat(5), 'latin1').toString('base64'),
  ]) {
    assert.equal(redactText(text, [SECRET_KEY]), text);
    assert.equal(redactText(text, ['local-development-key']), text);
  }
});

const names: Readonly<Record<'secret' | 'harmless', readonly string[]>> = {
  secret: [
    ...['token', 'accessToken', 'access_token', 'refresh-token', 'csrftoken', 'tokenValue', 'X-Auth-Token'],
    ...['secret', 'clientSecret', 'secret_key', 'password', 'dbPasswd', 'pwd', 'passwordHash', 'passphrase'],
    ...[
      'cookie',
      'Set-Cookie',
      'cookies',
      'signature',
      'X-Amz-Signature',
      'sig',
      'credential',
      'credentials',
    ],
    ...[
      'authorization',
      'Proxy-Authorization',
      'apiKey',
      'api_key',
      'X-API-Key',
      'APIKey',
      'apikey',
      'accessKey',
    ],
    ...[
      'session',
      'sessionId',
      'session_id',
      'PHPSESSID',
      'jwt',
      'idJwt',
      'bearer',
      'bearerToken',
      'downloadUrl',
    ],
    ...[
      'download_url',
      'signedUrl',
      'url',
      'callbackUri',
      'href',
      'redirecturl',
      'documentation-url',
      'link',
    ],
  ],
  harmless: [
    ...[
      'tokenCount',
      'token_type',
      'tokenLimit',
      'tokenId',
      'cookieName',
      'signatureAlgorithm',
      'passwordRequired',
    ],
    ...[
      'sessionStatus',
      'apiKeyId',
      'keyId',
      'key',
      'organizationId',
      'runId',
      'id',
      'path',
      'status',
      'code',
      'name',
    ],
    ...[
      'signal',
      'design',
      'secretary',
      'tokenizer',
      'auth',
      'author',
      'message',
      'hint',
      'sizeBytes',
      'limit',
    ],
  ],
};

test('a field whose name says that its value is a secret is left out, and any other is kept', () => {
  const value = 'https://s.example/f?a=b';
  for (const name of names.secret) assert.equal(isSecretField(name, value), true, name);
  for (const name of names.harmless) assert.equal(isSecretField(name, value), false, name);
  assert.deepEqual(
    redacted({
      headers: [
        { name: 'Authorization', value: 'x' },
        { name: 'Date', value: 'y' },
      ],
    }),
    {
      headers: [{ name: 'Authorization' }, { name: 'Date', value: 'y' }],
    },
  );
  assert.deepEqual(redacted({ a: [{ b: { accessToken: 'x', tokenCount: 5 } }] }), {
    a: [{ b: { tokenCount: 5 } }],
  });
});

test('a URL without a query, a number of tokens, and whether there is a secret are kept', () => {
  const fields = { url: 'https://s.example/f', maxTokens: 512, hasPassword: true, cookie: null };
  assert.deepEqual(redacted(fields), fields);
  assert.deepEqual(redacted({ token: { toString: 1 }, tokens: { toString: 1 } }), {});
  assert.deepEqual(redacted({ tokens: ['x'], uri: 'https://me:pw@s.example', link: 'f#token=x' }), {});
});

test('a hostile text of 64 KB is redacted within a moment', () => {
  const parts = [
    '?',
    '%',
    '%25',
    'eyJ',
    'a',
    '//',
    '//a:',
    '=',
    'sig=',
    'token: ',
    '\n',
    ' ',
    '\\',
    '\\"',
    '&#38;',
    'ICAg',
  ];
  const more = [
    'YWFh',
    'Bearer ',
    'bearer a',
    'dG9rZW49YWJj',
    'sig=a\n1a',
    'a1b2c3d4\n',
    'https://?a',
    '"',
    '\u0000',
    'token:[',
    'token:["\\"',
    "token:['",
    '<a b=',
    '<a name="token" value=',
    ' -u a:',
    'Authorization: a b ',
    'Authorization: Digest a="',
    '{"name":"token","value":"',
    '{ name: token, value: ',
    '{"name":"token","of":{},',
    '}"name":"token","value":[',
  ];
  const keys = [SECRET_KEY, `${SECRET_KEY.slice(0, 12)} `, `${'A'.repeat(60)}\n`];
  for (const part of [...parts, ...more, ...keys]) {
    const text = part.repeat(65_536 / part.length);
    const started = process.cpuUsage();
    redactText(text, [SECRET_KEY]);
    redactFields({ a: text.match(/[\s\S]{1,4096}/g) }, [SECRET_KEY]);
    assert.ok(process.cpuUsage(started).user < 2_000_000, JSON.stringify(part));
  }
});

test('the data of a successful response stays as it is, whatever it holds but a whole key', () => {
  const data = {
    id: 'file_1',
    path: '/f/index.html?access_token=1',
    output: [{ signature: 'abc', url: 'https://me:pw@s.example/?sig=1', n: 5, path: ['out/a.txt'] }],
    metadata: { path: { a: null }, note: `R&D ${SECRET_KEY.slice(0, -1)} and ${SECRET_KEY.toUpperCase()}` },
  };
  for (const json of [JSON.stringify(data), JSON.stringify(data).replace('R&D', 'R\\u0026D')]) {
    assert.deepEqual(parseData(json, [SECRET_KEY]), data);
  }
  assert.deepEqual(parseData('{"nextCursor":"c_usr_1"}', ['usr', 'c_usr_1']), { nextCursor: 'c_usr_1' });
});

test('a text of a successful response counts as missing if it holds a whole key, also behind escapes', () => {
  const [key, escaped] = [SECRET_KEY, SECRET_KEY.replaceAll('_', '\\u005f')];
  for (const each of [key, escaped]) {
    const json = `{"id":"file_${each}","path":"/f/${each}.txt","${each}":1,"output":["a","out/${each}"],"nextCursor":"c_${each}"}`;
    assert.deepEqual(parseData(json, [key]), {
      id: 'file_[redacted]',
      path: null,
      output: ['a', null],
      nextCursor: `c_${key}`,
    });
  }
});

for (const [code, key, shown] of [
  ['storage_file.path_exists', 'storage_file_path_exists1', 'storage_file.path_exists'],
  ['runtime.not_active', 'sk-runtime.not_active-12', 'runtime.not_active'],
  ['a.bk_live_9fk2mq7x-r4tw8zlcv3nj6hyb', SECRET_KEY, 'a.[redacted]'],
  [`a ${SECRET_KEY.slice(0, 16)}`, SECRET_KEY, 'a [redacted]'],
  ['token=abc', SECRET_KEY, 'token=[redacted]'],
  ['api_key.invalid', 'key', 'api_key.invalid'],
] as const) {
  test(`the code ${code} of a client with the key ${key} is ${shown}`, () =>
    assert.equal(redactCode(code, [key]), shown));
}

for (const [key, text, shown] of [
  ['local-development-key', 'the development server', 'the development server'],
  ['local-development-key', 'a local development key', 'a local development key'],
  ['local-DEVELOPMENT-key', 'a local development key', 'a local development key'],
  ['local-development-key', 'it was LOCAL-development-key', 'it was [redacted]'],
  ['local-development-key', 'bG9jYWwtZGV2ZWxvcG1lbnQta2V5', '[redacted]'],
  ['Local-Development-Key', 'a local development key', 'a local development key'],
  ['bk_live_qWzRtLpVnJhYbXcKdMfG', 'it was qWzRtLpVnJhY…', 'it was [redacted]…'],
  ['bk_live_qWzRtLpVnJhYbXcKdMfG', 'it was qwzrtlp-vnjhy', 'it was [redacted]'],
  ['bk_live_qWzRtLpVnJhYbXcKdMfG', 'it was qWzRtLpVnJh', 'it was qWzRtLpVnJh'],
  ['bctrl_live_x7Kq2vNp', 'bctrl live', 'bctrl live'],
  ['bctrl_live_x7Kq2vNp', 'bctrl_live_x7…', 'bctrl_live_x7…'],
  ['bctrl_live_x7Kq2vNp', 'bctrl_live_x7K…', '[redacted]…'],
] as const) {
  test(`with the key ${key}, "${text}" → ${shown}`, () => assert.equal(redactText(text, [key]), shown));
}

test('the value of a pair that names a secret is not shown', () =>
  assert.deepEqual(
    redacted({
      headers: [
        ['X-Api-Key', 'zzz9'],
        ['cookie', 'a=b9'],
        ['Date', 'y'],
      ],
    }),
    {
      headers: [
        ['X-Api-Key', '[redacted]'],
        ['cookie', '[redacted]'],
        ['Date', 'y'],
      ],
    },
  ));

test('the first 100 items are shown', () => {
  const items = Array.from({ length: 101 }, (_, index) => index);
  assert.deepEqual(redacted({ items }), { items: items.slice(0, 100) });
});

test('fields nested deeper than 20 levels are left out', () => {
  const text = JSON.stringify(redacted(JSON.parse(`${'{"a":['.repeat(25_000)}"deep"${']}'.repeat(25_000)}`)));
  assert.match(text, /^(\{"a":\[){10}"…"(\]\}){10}$/);
});

test('a question mark in a sentence stays', () =>
  assert.equal(redactedText('Is it stopped? Start it.'), 'Is it stopped? Start it.'));

test('fields that contain a signed URL or a credential are dropped', () => {
  assert.deepEqual(redacted({ downloadUrl: 'https://s', Authorization: 'Bearer x', id: 1 }), { id: 1 });
});

test('a text is one line of bounded length and well-formed', () => {
  const text = redactedText(`a\r\n\u001b[31mb${'😀'.repeat(500)}`);
  assert.match(text, /^a \[31mb😀/u);
  assert.ok(text.length < 150);
  assert.equal(text, text.toWellFormed());
});

test('numbers, booleans and null stay as they are', () => {
  assert.deepEqual(redacted({ a: [0, false, null, ''] }), { a: [0, false, null, ''] });
});

test('of many fields the first 100 are shown, and it is said that there were more', () => {
  const fields = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`field${index}`, index]));
  const { truncated, ...shown } = redacted(fields);
  assert.deepEqual([truncated, Object.keys(shown).length, 'field100' in shown], [true, 100, false]);
  const { field100: _, ...fewer } = fields;
  assert.deepEqual(redacted(fewer), fewer);
});
