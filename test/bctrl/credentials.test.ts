import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BctrlClient } from '../../src/bctrl/bctrl-client.js';
import { BctrlError } from '../../src/bctrl/bctrl-error.js';
import { CredentialsSource } from '../../src/bctrl/credentials.js';
import { createTestClient, startServer } from '../support/client.js';
import { startTestGateway } from '../support/gateway.js';
import { getError } from '../support/get-error.js';
import { waitFor } from '../support/wait-for.js';

const KEYS = ['key-1', 'key-2'] as const;
const RUNTIME = '00000000-0000-4000-8000-000000000000';

const refusal = (status = 401) =>
  new BctrlError('refused', { reasonClass: 'unauthorized', status, mayHaveSucceeded: false });

describe('the key of a request', () => {
  test('the key of a string costs no promise', () => {
    const source = new CredentialsSource('key-1', 'sub_1');
    const taken = source.take('GET /v1/files');
    assert.ok('apiKey' in taken);
    assert.deepEqual(
      [taken.headers['authorization'], taken.headers['bctrl-subaccount-id']],
      ['Bearer key-1', 'sub_1'],
    );
    assert.equal(source.take('GET /v1/files'), taken);
  });

  for (const kind of ['a function', 'a function with a promise'] as const) {
    test(`the key of ${kind} is asked for when the request is sent`, async (t) => {
      let current: string = KEYS[0];
      const apiKey = kind === 'a function' ? () => current : async () => current;
      const gateway = await startTestGateway(t, { apiKeys: KEYS });
      const client = createTestClient(t, gateway.url, { apiKey, maxRequests: 1 });
      await client.whoami();
      // The second request waits for its turn while the key is replaced.
      gateway.setFaults([{ operation: 'whoami', times: 1, fault: { kind: 'delay', delayMs: 300 } }]);
      const first = client.whoami();
      const second = client.listFiles({});
      await waitFor('the first request', () => gateway.snapshot().inFlight === 1);
      current = KEYS[1];
      gateway.setApiKeys([KEYS[1]]);
      await first;
      await second;
      assert.deepEqual(gateway.snapshot().responses, { whoami: { 200: 2 }, 'list-files': { 200: 1 } });
    });
  }

  for (const [what, apiKey] of [
    ['fails', () => Promise.reject(new Error('the vault is sealed, see https://v.example/?token=t0p'))],
    ['throws', () => assert.fail('the vault is sealed')],
    ['returns no key', () => ''],
    ['returns something else', () => ({}) as string],
  ] as const) {
    test(`a function that ${what} is a problem that passes, and nothing is sent`, async (t) => {
      const gateway = await startTestGateway(t);
      const error = await getError(createTestClient(t, gateway.url, { apiKey }).whoami());
      assert.deepEqual(
        [error.reasonClass, error.code, error.status, error.mayHaveSucceeded],
        ['upstream', 'api_key.unavailable', undefined, false],
      );
      assert.match(
        error.message,
        /^GET \/v1\/auth\/whoami was not sent: there is no API key: (the vault|it must)/,
      );
      assert.doesNotMatch(error.message, /t0p/);
      assert.deepEqual(gateway.snapshot().requests, {});
    });
  }
});

describe('a refused key', () => {
  test('a refused key that has been replaced meanwhile is a problem that passes', async (t) => {
    const gateway = await startTestGateway(t, { apiKeys: [KEYS[1]] });
    let known: string = KEYS[0];
    const refusals: (string | undefined)[] = [];
    const apiKey = (refused?: string) => {
      refusals.push(refused);
      if (refused !== undefined) known = KEYS[1];
      return known;
    };
    const client = createTestClient(t, gateway.url, { apiKey });
    const error = await getError(client.collectFile(RUNTIME, { runtimePath: 'a' }));
    assert.deepEqual(
      [error.reasonClass, error.code, error.status, error.mayHaveSucceeded],
      ['upstream', 'api_key.replaced', 401, false],
    );
    assert.match(error.message, /returned 401 .* \(the API key has been replaced meanwhile\)$/);
    assert.match(error.requestId ?? '', /./);
    await client.whoami();
    assert.deepEqual(refusals, [undefined, KEYS[0], undefined]);
  });

  test('a refused key that is still the current one is unauthorized', async (t) => {
    const gateway = await startTestGateway(t, { apiKeys: [KEYS[1]] });
    for (const apiKey of [KEYS[0], () => KEYS[0], async () => KEYS[0]]) {
      const error = await getError(createTestClient(t, gateway.url, { apiKey }).whoami());
      assert.deepEqual([error.reasonClass, error.code], ['unauthorized', 'auth.required']);
    }
  });

  test('a refused key is unauthorized if there is no other because the function fails', async () => {
    const source = new CredentialsSource((refused) => (refused ? assert.fail() : KEYS[0]), undefined);
    const error = refusal();
    assert.equal(await source.judge(error, await source.take('')), error);
  });

  test('a new key may be refused for 10 seconds: it may be half written, or not known everywhere', async () => {
    let [nowMs, key] = [0, 'ke'];
    const source = new CredentialsSource(
      () => key,
      undefined,
      () => nowMs,
    );
    const judge = async () => (await source.judge(refusal(), await source.take(''))).code;
    assert.equal(await judge(), undefined, 'the first key replaces none');
    key = 'key-2';
    assert.equal(await judge(), 'api_key.new');
    nowMs = 9_999;
    assert.equal(await judge(), 'api_key.new');
    nowMs = 10_000;
    assert.equal(await judge(), undefined);
  });

  test('a new key has no excuse for anything but a 401', async () => {
    let key = 'key-1';
    const source = new CredentialsSource(() => key, undefined);
    await source.take('');
    key = 'key-2';
    const error = refusal(403);
    assert.equal(await source.judge(error, await source.take('')), error);
  });
});

test('neither the old nor the new key appears in an error', async (t) => {
  let current: string = KEYS[0];
  const quoted: string[] = [];
  const url = await startServer(t, ({ headers }, response) => {
    quoted.push(headers.authorization ?? '');
    current = KEYS[1];
    response.writeHead(401, { 'x-request-id': 'of-key-1', 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: quoted.join(), code: 'auth.required', details: { quoted } }));
  });
  const client = createTestClient(t, url, { apiKey: () => current });
  for (const error of [await getError(client.whoami()), await getError(client.whoami())]) {
    assert.doesNotMatch(JSON.stringify({ ...error, text: error.stack }), /key-\d/);
  }
  assert.deepEqual(quoted, ['Bearer key-1', 'Bearer key-2']);
});

describe('the account', () => {
  test('the account is the same for another key of the same organization, and asked again', async (t) => {
    const gateway = await startTestGateway(t, { apiKeys: KEYS });
    let current: string = KEYS[0];
    const client = createTestClient(t, gateway.url, { apiKey: () => current });
    const account = await client.account();
    assert.equal(client.knownAccount, account);
    current = KEYS[1];
    await client.listFiles({});
    assert.equal(client.knownAccount, undefined);
    assert.equal(await client.account(), account);
    assert.equal(await client.account(), account);
    assert.equal(gateway.snapshot().requests.whoami, 2);
  });

  test('the account is another one for a key of another organization', async (t) => {
    const url = await startServer(t, ({ headers }, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const isFirst = headers.authorization === `Bearer ${KEYS[0]}`;
      response.end(JSON.stringify({ keyId: 'k', organizationId: isFirst ? 'org_1' : 'org_2' }));
    });
    let current: string = KEYS[0];
    const client = createTestClient(t, url, { apiKey: () => current });
    const account = await client.account();
    current = KEYS[1];
    assert.notEqual(await client.account(), account);
  });

  test('the account that an old key is told late is not that of the new one', async (t) => {
    const gateway = await startTestGateway(t, { apiKeys: KEYS });
    let current: string = KEYS[0];
    const client = createTestClient(t, gateway.url, { apiKey: () => current });
    gateway.setFaults([{ operation: 'whoami', times: 1, fault: { kind: 'delay', delayMs: 200 } }]);
    const late = client.whoami();
    await waitFor('whoami', () => gateway.snapshot().inFlight === 1);
    current = KEYS[1];
    await client.listFiles({});
    await late;
    assert.equal(client.knownAccount, undefined);
  });
});

test('a client takes no other kind of key', () => {
  for (const apiKey of [undefined, null, 5, {}, '']) {
    assert.throws(() => new BctrlClient({ apiKey: apiKey as string }), { message: /^apiKey must be / });
  }
});
