import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { CheckResult } from '../../src/cli/commands/doctor.js';
import type { Environment } from '../../src/environment.js';
import { startServer } from '../support/client.js';
import { useDevServer } from '../support/dev-server.js';
import { API_KEY, createTestFolder, startTestGateway } from '../support/gateway.js';
import { startGrpcProxy } from '../support/grpc-proxy.js';
import { runMain } from '../support/run-main.js';

const NAME = 'temporal.example';
const NOWHERE = '127.0.0.1:1';
const SECRET = 's3cret-key';

const temporal = useDevServer({ uiPort: 0 });

/** A self-signed certificate for `temporal.example`, made for this run. */
let certificate: { readonly path: string; readonly key: Buffer; readonly cert: Buffer };

before(async (t) => {
  const folder = await createTestFolder(t as TestContext);
  const [key, path] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', `/CN=${NAME}`, '-addext', `subjectAltName=DNS:${NAME}`];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  const files = ['-keyout', key, '-out', path];
  await promisify(execFile)('openssl', [
    'req',
    '-x509',
    '-nodes',
    '-days',
    '2',
    ...curve,
    ...subject,
    ...files,
  ]);
  certificate = { path, key: await readFile(key), cert: await readFile(path) };
});

const startTls = async (t: TestContext, options: object = {}) =>
  (await startGrpcProxy(t, temporal.address, { key: certificate.key, cert: certificate.cert, ...options }))
    .address;

const trusted = () => ({
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: certificate.path,
  TEMPORAL_TLS_SERVER_NAME: NAME,
});

interface Case {
  readonly env: (t: TestContext) => Environment | Promise<Environment>;
  /** The check's name. */
  readonly name: string;
  readonly expected: RegExp;
}

const unreachable = 'problem Temporal at \\S+ is not reachable \\(.*\\); ';

const cases: Readonly<Record<string, Case>> = {
  'a Temporal with a trusted certificate is fine': {
    env: async (t) => ({ TEMPORAL_ADDRESS: await startTls(t), ...trusted() }),
    name: 'temporal',
    expected: /^ok 127\.0\.0\.1:\d+$/,
  },
  'a CA that is not trusted': {
    env: async (t) => ({ TEMPORAL_ADDRESS: await startTls(t), TEMPORAL_TLS: 'true' }),
    name: 'temporal',
    expected: new RegExp(`^${unreachable}TEMPORAL_TLS_SERVER_CA_CERT_PATH: the CA of`),
  },
  'a certificate for another name': {
    env: async (t) => ({
      TEMPORAL_ADDRESS: await startTls(t),
      ...trusted(),
      TEMPORAL_TLS_SERVER_NAME: 'other.example',
    }),
    name: 'temporal',
    expected: new RegExp(`^${unreachable}TEMPORAL_TLS_SERVER_NAME: the server's certificate is for another`),
  },
  'a server that wants a client certificate': {
    env: async (t) => ({
      TEMPORAL_ADDRESS: await startTls(t, { requestCert: true, rejectUnauthorized: true }),
      ...trusted(),
    }),
    name: 'temporal',
    expected: new RegExp(`^${unreachable}TEMPORAL_TLS_CLIENT_CERT_PATH, TEMPORAL_TLS_CLIENT_KEY_PATH: `),
  },
  'TLS to a port without': {
    env: () => ({ TEMPORAL_ADDRESS: temporal.address, TEMPORAL_TLS: 'true' }),
    name: 'temporal',
    expected: new RegExp(`^${unreachable}TEMPORAL_TLS: the server does not speak TLS at this port`),
  },
  'no TLS to a port with it': {
    env: async (t) => ({ TEMPORAL_ADDRESS: await startTls(t) }),
    name: 'temporal',
    expected: new RegExp(`^${unreachable}TEMPORAL_TLS: the server expects TLS; set it to true$`),
  },
  'a port where nothing listens': {
    env: () => ({ TEMPORAL_ADDRESS: NOWHERE }),
    name: 'temporal',
    expected: new RegExp(`^${unreachable}TEMPORAL_ADDRESS: no connection to .* \\(ECONNREFUSED\\)$`),
  },
  'an API key without TLS': {
    env: () => ({ TEMPORAL_API_KEY: SECRET, TEMPORAL_TLS: 'false' }),
    name: 'temporal',
    expected:
      /^warning 127\.0\.0\.1:\d+: the API key of Temporal is sent without TLS: set TEMPORAL_TLS=true$/,
  },
  'an API key that Temporal refuses': {
    env: async (t) => {
      const proxy = await startGrpcProxy(t, temporal.address);
      proxy.apiKeys = new Set(['another-key']);
      return { TEMPORAL_ADDRESS: proxy.address, TEMPORAL_API_KEY: SECRET, TEMPORAL_TLS: 'false' };
    },
    name: 'temporal',
    expected: /^problem TEMPORAL_API_KEY: Temporal refuses it, or needs it \(.*UNAUTHENTICATED/,
  },
  'a proxy that is not reachable, for gRPC': {
    env: () => ({
      TEMPORAL_ADDRESS: 'temporal.invalid:7233',
      http_proxy: `http://user:${SECRET}@${NOWHERE}`,
      no_proxy: '127.0.0.1',
    }),
    name: 'temporal',
    expected: new RegExp(`^${unreachable}http_proxy: no connection to the proxy 127\\.0\\.0\\.1:1 \\(ECONN`),
  },
  'a proxy that is not reachable': {
    env: () => ({
      BCTRL_BASE_URL: 'http://api.example',
      HTTP_PROXY: `http://user:${SECRET}@${NOWHERE}`,
    }),
    name: 'proxy',
    expected: /^problem HTTP_PROXY: no connection to the proxy 127\.0\.0\.1:1 \(ECONNREFUSED\)$/,
  },
  'an API whose CA is not trusted': {
    env: async (t) => ({ BCTRL_BASE_URL: await startHttps(t) }),
    name: 'api',
    expected: /^problem BCTRL_BASE_URL: the API is not reachable .*; NODE_EXTRA_CA_CERTS: name a file/,
  },
  'https to an API without': {
    env: async (t) => ({
      BCTRL_BASE_URL: (await startServer(t, (_, response) => response.end())).replace('http:', 'https:'),
    }),
    name: 'api',
    expected: /^problem BCTRL_BASE_URL: .*; it does not speak TLS: http instead of https\?$/,
  },
  'the Temporal UI of the server': {
    env: () => ({ BCTRL_TEMPORAL_UI_URL: temporal.uiUrl }),
    name: 'ui',
    expected: /^ok http:/,
  },
  'a Temporal UI that does not answer': {
    env: () => ({ BCTRL_TEMPORAL_UI_URL: `http://${NOWHERE}` }),
    name: 'ui',
    expected: /^warning BCTRL_TEMPORAL_UI_URL: no answer from http:\/\/127\.0\.0\.1:1 \(ECONNREFUSED\)$/,
  },
  'a page that is not the Temporal UI': {
    env: async (t) => ({
      BCTRL_TEMPORAL_UI_URL: await startServer(t, (_, response) => response.end('hello')),
    }),
    name: 'ui',
    expected: /^warning BCTRL_TEMPORAL_UI_URL: http:\S+ is not a Temporal UI$/,
  },
  'a Temporal UI behind a login': {
    env: async (t) => ({
      BCTRL_TEMPORAL_UI_URL: await startServer(t, (_, response) => response.writeHead(302).end()),
    }),
    name: 'ui',
    expected: /^ok http:\S+, not checked behind its login$/,
  },
};

async function startHttps(t: TestContext): Promise<string> {
  const server = createServer({ key: certificate.key, cert: certificate.cert }, (_, response) =>
    response.end(),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

for (const [title, { env, name, expected }] of Object.entries(cases)) {
  test(`doctor names the cause: ${title}`, async (t) => {
    const gateway = await startTestGateway(t);
    const working = {
      TEMPORAL_ADDRESS: temporal.address,
      BCTRL_BASE_URL: gateway.url,
      BCTRL_API_KEY: API_KEY,
    };
    const { stdout } = await runMain(['doctor', '--json'], { env: { ...working, ...(await env(t)) } });
    const checks: CheckResult[] = JSON.parse(stdout).checks;
    const { outcome, message } = checks.find((check) => check.name === name) ?? {};
    assert.match(`${outcome} ${message}`, expected);
    assert.doesNotMatch(stdout, new RegExp(SECRET));
  });
}
