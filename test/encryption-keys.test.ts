import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readEncryptionKeys } from '../src/encryption-keys.js';
import { createTestFolder } from './support/gateway.js';

const VARIABLE = 'BCTRL_ENCRYPTION_KEYS_FILE';
const KEY = randomBytes(32).toString('base64');

async function readKeys(t: TestContext, content: string) {
  const file = join(await createTestFolder(t), 'keys');
  await writeFile(file, content);
  return () => readEncryptionKeys({ [VARIABLE]: file }, VARIABLE);
}

test('the first line has the key that encrypts, and comments and empty lines do not count', async (t) => {
  const other = randomBytes(32).toString('base64');
  const read = await readKeys(t, `# newest first\r\n\n  k2 : ${KEY} \r\nk1:${other}`);
  const keys = read();
  assert.deepEqual([keys.first?.id, keys.fingerprints.map(({ id }) => id)], ['k2', ['k2', 'k1']]);
});

test('without the variable there are no keys', () => {
  for (const env of [{}, { [VARIABLE]: ' ' }]) {
    assert.deepEqual(readEncryptionKeys(env, VARIABLE).fingerprints, []);
  }
});

for (const [content, problem] of [
  ['', 'has no key; make one with openssl rand -base64 32'],
  ['# none\n', 'has no key; make one with openssl rand -base64 32'],
  [KEY, 'has no id:key at line 1'],
  [`k1:${KEY}\n\n${KEY}`, 'has no id:key at line 3'],
  [`# old\nk1:${KEY}x`, 'line 2 has a key that is not 32 bytes in base64'],
  ['k1:', 'line 1 has a key that is not 32 bytes in base64'],
  [`${KEY}:k1`, 'line 1 has an id that is not 1 to 64 letters, digits, dots, dashes or underscores'],
  [`k1:${KEY}\nk1:${KEY}`, 'line 2 has the id "k1" of a key before it'],
] as const) {
  test(`a file is refused that ${problem}: ${JSON.stringify(content.replaceAll(KEY, 'KEY'))}`, async (t) => {
    assert.throws(await readKeys(t, content), {
      name: 'ConfigError',
      message: `${VARIABLE}: the file that it names ${problem.replace(/^line/, 'at line')}`,
    });
  });
}

test('a file that cannot be read is refused', () => {
  assert.throws(() => readEncryptionKeys({ [VARIABLE]: '/nonexistent/encryption-keys' }, VARIABLE), {
    message: `${VARIABLE}: the file that it names cannot be read (ENOENT)`,
  });
});
