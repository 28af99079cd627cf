import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { BctrlError } from '../../src/bctrl/bctrl-error.js';
import { createDispatcher } from '../../src/bctrl/transport.js';
import { createTestClient, startServer } from '../support/client.js';
import { createTestFolder, startTestGateway } from '../support/gateway.js';
import { startHttpProxy } from '../support/http-proxy.js';

const getPort = (url: string) => Number(new URL(url).port);

describe('through a proxy', () => {
  test('the client requests an http URL from the proxy, with its credentials', async (t) => {
    const gateway = await startTestGateway(t);
    const proxy = await startHttpProxy(t, getPort(gateway.url));
    const proxyUrl = `http://user:p%40ss@${proxy.address}`;
    const client = createTestClient(t, 'http://192.0.2.1', { proxyUrl });
    await Promise.all([client.whoami(), client.listFiles({ runtimeId: gateway.runtimeId })]);
    assert.deepEqual(proxy.requests.toSorted(), [
      'GET http://192.0.2.1/v1/auth/whoami',
      `GET http://192.0.2.1/v1/files?runtimeId=${gateway.runtimeId}`,
    ]);
    const basic = `Basic ${Buffer.from('user:p@ss').toString('base64')}`;
    assert.deepEqual(proxy.authorizations, [basic, basic]);
  });

  test('an https URL goes through a tunnel that the proxy cannot read', async (t) => {
    const folder = await createTestFolder(t);
    const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=api.example', '-addext', 'subjectAltName=DNS:api.example'];
    const files = ['-keyout', keyFile, '-out', certFile];
    await promisify(execFile)('openssl', [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      ...files,
      ...subject,
    ]);
    const [key, cert] = [await readFile(keyFile), await readFile(certFile)];
    const server = createServer({ key, cert }, ({ url, headers }, response) =>
      response.end(`${url} ${headers['proxy-authorization']}`),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const proxy = await startHttpProxy(t, (server.address() as AddressInfo).port);
    const dispatcher = createDispatcher(`http://user:pass@${proxy.address}`, { connect: { ca: cert } });
    t.after(() => dispatcher.destroy());
    const response = await dispatcher.request({ origin: 'https://api.example', path: '/v1', method: 'GET' });
    assert.equal(await response.body.text(), '/v1 undefined');
    assert.deepEqual(proxy.requests, ['CONNECT api.example:443']);
    assert.equal(proxy.authorizations[0]?.startsWith('Basic '), true);
  });

  test('the maximum response size holds through a proxy', async (t) => {
    const url = await startServer(t, (_, response) => response.end('x'.repeat(2_000)));
    const proxy = await startHttpProxy(t, getPort(url));
    const dispatcher = createDispatcher(`http://${proxy.address}`, { connect: {}, maxResponseSize: 1_000 });
    t.after(() => dispatcher.destroy());
    const response = await dispatcher.request({ origin: 'http://api.example', path: '/', method: 'GET' });
    await assert.rejects(response.body.text(), { code: 'UND_ERR_RES_EXCEEDED_MAX_SIZE' });
  });

  test('an unreachable proxy is upstream, and no error has its password', async (t) => {
    for (const baseUrl of ['http://api.example', 'https://api.example']) {
      const client = createTestClient(t, baseUrl, { proxyUrl: 'http://user:s3cret@127.0.0.1:9' });
      await assert.rejects(client.whoami(), (error) => {
        assert.ok(error instanceof BctrlError);
        assert.deepEqual([error.reasonClass, error.code], ['upstream', 'ECONNREFUSED']);
        assert.doesNotMatch(error.message, /s3cret/);
        return true;
      });
    }
  });
});
