import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isUnencrypted } from '../src/api-checks.js';

const urls = {
  encrypted: ['https://api.bctrl.ai', 'https://10.0.0.1:8443/v1'],
  'of this machine': [
    ...[
      'http://localhost:8787',
      'http://LOCALHOST',
      'http://localhost.',
      'http://api.localhost',
      'http://127.0.0.1',
    ],
    ...[
      'http://127.9.9.9',
      'http://127.1',
      'http://[::1]:8787',
      'http://[0:0:0:0:0:0:0:1]',
      'http://[::ffff:127.0.0.1]',
    ],
  ],
  unencrypted: [
    ...['http://gateway:8787', 'http://api.bctrl.ai', 'http://128.0.0.1', 'http://0.0.0.0', 'http://[::]'],
    ...[
      'http://localhost.example',
      'http://mylocalhost',
      'http://127.0.0.1.example',
      'http://[::ffff:128.0.0.1]',
    ],
  ],
};

for (const [kind, list] of Object.entries(urls)) {
  for (const url of list) {
    test(`the API key to ${url} ${kind === 'unencrypted' ? 'travels' : 'does not travel'} unencrypted`, () =>
      assert.equal(isUnencrypted(url), kind === 'unencrypted'));
  }
}
