import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWithoutProxy } from '../src/proxy.js';

for (const [url, noProxy, expected] of [
  ['https://api.example', '', false],
  ['https://api.undefined', ' ,', false],
  ['https://api.example', 'other.example', false],
  ['https://api.example', 'api.example', true],
  ['https://API.example', 'other.example, Api.Example', true],
  ['https://api.example', 'example', true],
  ['https://api.example', '.example', true],
  ['https://api.example', '*.example', true],
  ['https://api.example', 'pi.example', false],
  ['https://api.example', 'v1.api.example', false],
  ['https://api.example', 'api.example:443', true],
  ['https://api.example', 'api.example:8443', false],
  ['http://api.example', 'api.example:80', true],
  ['http://api.example:8787', 'api.example:8787', true],
  ['https://api.example', '*', true],
  ['https://10.0.0.7', '10.0.0.7', true],
  ['https://10.0.0.7', '10.0.0.70', false],
  ['https://[fd00::7]', 'fd00::7', true],
  ['https://[fd00::7]:8443', '[fd00::7]:8443', true],
  ['http://localhost:8787', '', true],
  ['http://api.localhost', '', true],
  ['http://127.1.2.3', '', true],
  ['http://[::1]:8787', '', true],
  ['http://localhost.example', '', false],
  ['http://128.0.0.1', '', false],
] as const) {
  test(`${url} is reached ${expected ? 'directly' : 'through the proxy'} with NO_PROXY=${noProxy}`, () => {
    assert.equal(isWithoutProxy(new URL(url), noProxy), expected);
  });
}
