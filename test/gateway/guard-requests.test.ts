import assert from 'node:assert/strict';
import { type ClientRequest, request } from 'node:http';
import { test } from 'node:test';
import { MAX_BODY_BYTES } from '../../src/gateway/guard-requests.js';
import type { GatewayOptions } from '../../src/testing.js';
import { API_KEY, startTestGateway } from '../support/gateway.js';

interface Answer {
  status: number | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: errors and other responses
  body: any;
}

/** Sends a request whose body `write` makes. Unlike fetch, it may name any host. */
function send(
  url: string,
  path: string,
  headers: Record<string, string>,
  write: (outgoing: ClientRequest) => void,
): Promise<Answer> {
  const options = {
    method: 'POST',
    agent: false,
    headers: { authorization: `Bearer ${API_KEY}`, ...headers },
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(url + path, options, async (response) => {
      const chunks = await response.toArray();
      const text = Buffer.concat(chunks).toString();
      resolve({ status: response.statusCode, body: text && JSON.parse(text) });
    });
    outgoing.on('error', reject);
    write(outgoing);
  });
}

const options: GatewayOptions = { allowHosts: ['gateway', 'Host.Docker.Internal'] };

for (const host of [
  'localhost',
  'LOCALHOST:80',
  'localhost.',
  'app.localhost:1',
  '127.0.0.1',
  '10.1.2.3:8787',
  '[::1]',
  '[2001:db8::1]:8787',
  'gateway:8787',
  'host.docker.internal',
]) {
  test(`a request to the host ${host} is served`, async (t) => {
    const { url } = await startTestGateway(t, options);
    const { status, body } = await send(url, '/v1/runs/x/files/export', { host }, (out) => out.end());
    assert.deepEqual([status, body.code], [404, 'run.not_found']);
  });
}

for (const [host, name] of [
  ['attacker.example', 'attacker.example'],
  ['ATTACKER.example:8787', 'attacker.example'],
  ['localhost.attacker.example', 'localhost.attacker.example'],
  ['127.0.0.1.attacker.example', '127.0.0.1.attacker.example'],
  ['notlocalhost', 'notlocalhost'],
  ['gateway.attacker.example', 'gateway.attacker.example'],
] as const) {
  test(`a request to the host ${host} → 403, and is not handled`, async (t) => {
    const gateway = await startTestGateway(t, options);
    for (const path of ['/_gateway/api-keys', '/v1/auth/whoami', '/nothing']) {
      const { status, body } = await send(gateway.url, path, { host }, (outgoing) => outgoing.end());
      assert.deepEqual([status, body.code, body.reasonClass], [403, 'host.not_allowed', 'capability_denied']);
      assert.equal(
        body.error,
        `The gateway does not serve the host name "${name}": start it with --allow-host ${name} to allow it.`,
      );
    }
    assert.deepEqual(gateway.snapshot().requests, {});
    assert.equal((await gateway.call('GET', '/v1/auth/whoami')).status, 200);
  });
}

test('a request whose Host header is neither a name nor an address → 403', async (t) => {
  const { url } = await startTestGateway(t);
  const { status, body } = await send(url, '/nothing', { host: '1.2.3.4.5' }, (outgoing) => outgoing.end());
  assert.deepEqual([status, body.error], [403, 'The Host header names no host that the gateway serves.']);
});

test('a gateway that listens on all addresses checks host names too', async (t) => {
  const gateway = await startTestGateway(t, { host: '0.0.0.0' });
  const ask = async (host: string) =>
    (await send(gateway.url, '/nothing', { host }, (outgoing) => outgoing.end())).status;
  assert.deepEqual([await ask('attacker.example'), await ask('192.0.2.7:8787')], [403, 404]);
});

const JSON_TYPE = { 'content-type': 'application/json' };
const toKeys = (bytes: number) => JSON.stringify(['k'.repeat(bytes - 4)]);

for (const chunked of [false, true]) {
  const name = chunked ? 'without a content-length' : 'with a content-length';
  const toHeaders = (bytes: number) => (chunked ? JSON_TYPE : { ...JSON_TYPE, 'content-length': `${bytes}` });

  test(`a body of the maximum size ${name} is read, and one byte more is 413`, async (t) => {
    const { url } = await startTestGateway(t);
    const put = (bytes: number) =>
      send(url, '/v1/runs/x/files/export', toHeaders(bytes), (outgoing) => {
        outgoing.write(toKeys(bytes));
        outgoing.end();
      });
    assert.equal((await put(MAX_BODY_BYTES)).status, 400);
    const { status, body } = await put(MAX_BODY_BYTES + 1);
    assert.deepEqual([status, body.code], [413, 'request.too_large']);
    assert.deepEqual([body.reasonClass, body.error], ['invalid_input', 'The request body is too large.']);
  });

  test(`an empty body ${name} is read as empty`, async (t) => {
    const { url } = await startTestGateway(t);
    const { body } = await send(url, '/v1/runs/x/files/export', toHeaders(0), (outgoing) => outgoing.end());
    assert.equal(body.code, 'run.not_found');
  });

  test(`a body ${name} that never ends is answered 413 before it ends, with and without faults`, async (t) => {
    const gateway = await startTestGateway(t);
    for (const share of [undefined, 0]) {
      if (share !== undefined) gateway.setFaults([{ operation: '*', share, fault: { kind: 'reset' } }]);
      let outgoing: ClientRequest | undefined;
      const path = `/v1/runtimes/${gateway.runtimeId}/files/collect`;
      const { status } = await send(gateway.url, path, toHeaders(1e12), (opened) => {
        outgoing = opened;
        opened.write(Buffer.alloc(MAX_BODY_BYTES + 1));
      });
      outgoing?.on('error', () => {}).destroy();
      assert.equal(status, 413);
    }
    assert.equal((await gateway.call('GET', '/v1/auth/whoami')).status, 200);
  });
}
