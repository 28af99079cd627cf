import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findPort } from '../../scripts/dev-server/find-port.js';
import { exitCodes } from '../../src/exit.js';
import { createTestFolder } from '../support/gateway.js';
import { runMain } from '../support/run-main.js';
import { waitFor } from '../support/wait-for.js';

const UI = 'https://temporal.example.com';
const TOKEN = 'token-of-the-ui';
const newKey = () => randomBytes(32).toString('base64');
const base64 = (text: string) => Buffer.from(text).toString('base64');

const PLAIN = {
  metadata: { encoding: base64('json/plain'), unknown: base64('kept') },
  data: base64('{"runtimePath":"a.csv"}'),
  externalPayloads: [{ sizeBytes: '7' }],
};

interface Call {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** Runs the command until the test ends. */
async function start(
  t: TestContext,
  { host = '127.0.0.1', argv = [] as string[], keys = `k1:${newKey()}` } = {},
) {
  const file = join(await createTestFolder(t), 'keys');
  await writeFile(file, keys);
  const tokenFile = `${file}.token`;
  await writeFile(tokenFile, `${TOKEN}\n`);
  const port = await findPort(host, undefined);
  const stop = new AbortController();
  const args = argv.map((each) => (each === 'TOKEN' ? tokenFile : each));
  const listen = ['--listen', `${host}:${port}`];
  const env = { BCTRL_ENCRYPTION_KEYS_FILE: file };
  const ended = runMain(['codec-server', '--ui-origin', UI, ...listen, ...args], {
    env,
    interrupted: stop.signal,
  });
  /** `fetch` would not let a test set Host and Origin. */
  const call = (path: string, { method = 'POST', headers = {}, body }: Call = {}) =>
    new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }>(
      (resolve, reject) => {
        const options = { host, port, path, method, headers, agent: false };
        const sent = request(options, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk) => {
            text += chunk;
          });
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
          });
        });
        sent.on('error', reject).end(method === 'POST' ? body : undefined);
      },
    );
  const convert = async (path: string, payloads: unknown[], headers: Record<string, string> = {}) => {
    const body = JSON.stringify({ payloads });
    const response = await call(path, { body, headers: { 'x-namespace': 'default', ...headers } });
    return { ...response, json: JSON.parse(response.body) };
  };
  const end = async () => {
    stop.abort();
    return await ended;
  };
  t.after(end);
  await waitFor('the server', () =>
    call('/').then(
      () => true,
      () => false,
    ),
  );
  return { call, convert, end, port };
}

test('what is encoded is decoded again, and other payloads keep every field', async (t) => {
  const { convert, end, port } = await start(t);
  const { externalPayloads: _, ...sent } = PLAIN;
  const { json: encoded } = await convert('/encode', [sent]);
  assert.doesNotMatch(JSON.stringify(encoded), new RegExp(sent.data));
  assert.equal(encoded.payloads[0].metadata.encoding, base64('binary/encrypted'));
  const { json } = await convert('/decode', [...encoded.payloads, PLAIN, {}]);
  assert.deepEqual(json.payloads, [sent, PLAIN, {}]);
  const { code, stdout } = await end();
  assert.equal(code, exitCodes.done);
  assert.equal(stdout, `codec server for ${UI} on http://127.0.0.1:${port}, without token\n`);
});

test('a payload of another key is refused with its id', async (t) => {
  const [one, other] = [
    await start(t, { keys: `k1:${newKey()}` }),
    await start(t, { keys: `k2:${newKey()}` }),
  ];
  const { json: encoded } = await one.convert('/encode', [PLAIN]);
  const { status, json } = await other.convert('/decode', encoded.payloads);
  assert.equal(status, 400);
  assert.match(json.message, /^a payload is encrypted with the key "k1", which this process does not have: /);
  assert.match((await other.end()).stderr, /^refused a request: a payload is encrypted with the key "k1", /);
});

test('a body that is no list of payloads is refused, and so is one that is too large', async (t) => {
  const { call, end } = await start(t);
  for (const body of ['', '[]', '{"payloads":1}', '{"payloads":[1]}', '{"payloads":[{"metadata":7}]}']) {
    assert.equal((await call('/decode', { body })).status, 400, body);
  }
  const large = await call('/decode', { headers: { 'content-length': '16000001' } });
  assert.deepEqual([large.status, large.body], [413, '{"message":"the body is too large"}']);
  assert.equal((await call('/', { method: 'GET' })).status, 404);
  assert.match((await end()).stderr, /^refused a request: the body is too large$/m);
});

test('a body without a length is read up to the same size', async (t) => {
  const { call } = await start(t);
  const headers = { 'transfer-encoding': 'chunked' };
  const toBody = (bytes: number) => '{"payloads":[]}'.padEnd(bytes);
  const largest = await call('/decode', { headers, body: toBody(16_000_000) });
  assert.deepEqual([largest.status, largest.body], [200, '{"payloads":[]}']);
  const larger = await call('/decode', { headers, body: toBody(16_000_001) });
  assert.deepEqual([larger.status, larger.body], [413, '{"message":"the body is too large"}']);
});

test('only the pages of the UI may read it', async (t) => {
  const { call, convert, end } = await start(t);
  const preflight = await call('/decode', {
    method: 'OPTIONS',
    headers: { origin: UI, 'access-control-request-method': 'POST' },
  });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers['access-control-allow-origin'], UI);
  assert.equal(preflight.headers['access-control-allow-credentials'], 'true');
  assert.match(
    String(preflight.headers['access-control-allow-headers']),
    /authorization.*content-type.*x-namespace/,
  );
  const allowed = await convert('/decode', [PLAIN], { origin: UI });
  assert.deepEqual([allowed.status, allowed.headers['access-control-allow-origin']], [200, UI]);
  for (const origin of ['https://evil.example', 'null', `${UI}.evil.example`, `${UI}:444`]) {
    for (const method of ['OPTIONS', 'POST']) {
      const { status, headers } = await call('/decode', {
        method,
        headers: { origin },
        body: '{"payloads":[]}',
      });
      assert.deepEqual([status, headers['access-control-allow-origin']], [403, undefined]);
    }
  }
  const { stderr } = await end();
  assert.match(
    stderr,
    /^refused a request: --ui-origin is https:\/\/temporal\.example\.com, not https:\/\/evil\.example$/m,
  );
  assert.equal(stderr.trim().split('\n').length, 8);
});

test('a name that has come to mean this machine is refused', async (t) => {
  const { call, end } = await start(t);
  const body = '{"payloads":[]}';
  for (const host of ['localhost', '127.0.0.1:1', '[::1]:9']) {
    assert.equal((await call('/decode', { body, headers: { host } })).status, 200, host);
  }
  for (const host of ['evil.example', 'localhost.evil.example:8081']) {
    assert.equal((await call('/decode', { body, headers: { host } })).status, 403, host);
  }
  assert.match((await end()).stderr, /^refused a request: the host evil\.example is not served$/m);
});

test('the address that it listens on is served', {
  // Other systems have no second address of this kind.
  skip: process.platform !== 'linux',
}, async (t) => {
  const { call } = await start(t, { host: '127.0.0.2' });
  const body = '{"payloads":[]}';
  assert.equal((await call('/decode', { body })).status, 200);
  assert.equal((await call('/decode', { body, headers: { host: '127.0.0.3' } })).status, 403);
});

test('with a token, it is served by every name, as behind a proxy', async (t) => {
  const { convert } = await start(t, { argv: ['--token-file', 'TOKEN'] });
  const headers = { host: 'codec.example.com', authorization: `Bearer ${TOKEN}`, origin: UI };
  assert.equal((await convert('/decode', [PLAIN], headers)).status, 200);
});

test('with a token, nobody is answered without it', async (t) => {
  const { call, convert, end } = await start(t, { argv: ['--token-file', 'TOKEN'] });
  for (const authorization of ['', 'Bearer', 'Bearer wrong', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`]) {
    const { status, json } = await convert('/decode', [PLAIN], { authorization, origin: UI });
    assert.deepEqual([status, json], [401, { message: 'the access token is missing or wrong' }]);
  }
  assert.equal((await convert('/decode', [PLAIN], { authorization: `Bearer ${TOKEN}` })).status, 200);
  // A browser sends no token with the question whether it may.
  assert.equal((await call('/decode', { method: 'OPTIONS', headers: { origin: UI } })).status, 204);
  const line = 'refused a request: the access token is missing or wrong\n';
  assert.ok((await end()).stderr.endsWith(line.repeat(5)));
});

test('an address that is taken ends it with one line', async (t) => {
  const taken = createServer();
  await once(taken.listen(0, '127.0.0.1'), 'listening');
  t.after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const file = join(await createTestFolder(t), 'keys');
  await writeFile(file, `k1:${newKey()}`);
  const argv = ['codec-server', '--ui-origin', UI, '--listen', `127.0.0.1:${port}`];
  const { code, stdout, stderr } = await runMain(argv, { env: { BCTRL_ENCRYPTION_KEYS_FILE: file } });
  const line = `bctrl-temporal: --listen: cannot listen on 127.0.0.1, port ${port} (EADDRINUSE)\n`;
  assert.deepEqual([code, stdout, stderr], [exitCodes.usage, '', line]);
});

test('a wrong set-up ends it with one line', async (t) => {
  const file = join(await createTestFolder(t), 'keys');
  const run = async (content: string | undefined, ...argv: string[]) => {
    if (content !== undefined) await writeFile(file, content);
    const env = content === undefined ? {} : { BCTRL_ENCRYPTION_KEYS_FILE: file };
    const { code, stderr } = await runMain(['codec-server', ...argv], { env });
    assert.equal(code, exitCodes.usage);
    return stderr;
  };
  const keys = `k1:${newKey()}`;
  assert.equal(
    await run(undefined),
    'bctrl-temporal: BCTRL_ENCRYPTION_KEYS_FILE: is not set, and the codec server needs the keys\n',
  );
  assert.equal(
    await run(keys, '--listen', '0.0.0.0:8081'),
    'bctrl-temporal: --listen 0.0.0.0: others can reach this address, so add --token-file\n',
  );
  assert.match(await run(keys, '--listen', '8081'), /Expected host:port\.\n$/);
  assert.match(await run(keys, '--ui-origin', `${UI}/path`), /Expected scheme and host/);
  assert.match(
    await run(keys, '--token-file', `${file}.none`),
    /--token-file: the file that it names cannot be read \(ENOENT\)/,
  );
});
