import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { readStarterConfig, readWorkerConfig } from '../src/config.js';
import { KeyRing } from '../src/encryption/key-ring.js';
import type { Environment } from '../src/environment.js';
import { createTestFolder } from './support/gateway.js';

const workerConfig = (env: Environment) => readWorkerConfig({ BCTRL_API_KEY: 'key-1', ...env });

test('a worker needs only an API key', () => {
  assert.deepEqual(readWorkerConfig({ BCTRL_API_KEY: 'key-1' }), {
    bctrl: {
      apiKey: 'key-1',
      proxyUrl: undefined,
      baseUrl: 'https://api.bctrl.ai',
      subaccountId: undefined,
      requestTimeoutMs: 300_000,
      maxRequests: 32,
    },
    listSettleTimeMs: 5_000,
    shutdownGraceTimeMs: 20_000,
    maxTaskQueueActivitiesPerSecond: undefined,
    maxCachedWorkflows: undefined,
    deploymentVersion: undefined,
    log: { format: undefined, level: 'info' },
    metricsAddress: undefined,
    healthAddress: undefined,
    tracing: undefined,
    taskQueue: 'bctrl-runtime-files',
    encryptionKeys: KeyRing.empty,
    temporal: { namespace: 'default', connectionOptions: workerConfig({}).temporal.connectionOptions },
  });
});

test('every variable is read', () => {
  const { bctrl, taskQueue, temporal, maxTaskQueueActivitiesPerSecond, encryptionKeys, ...rest } =
    workerConfig({
      BCTRL_BASE_URL: 'http://localhost:8787/v1/',
      BCTRL_SUBACCOUNT_ID: 'sub_1',
      BCTRL_REQUEST_TIMEOUT: '30s',
      BCTRL_MAX_REQUESTS: '8',
      BCTRL_LIST_SETTLE_TIME: '2s',
      BCTRL_SHUTDOWN_GRACE_TIME: '1m',
      BCTRL_TASK_QUEUE: 'files',
      BCTRL_MAX_TASK_QUEUE_ACTIVITIES_PER_SECOND: '0.5',
      BCTRL_MAX_CACHED_WORKFLOWS: '200',
      TEMPORAL_ADDRESS: 'temporal.example:7234',
      TEMPORAL_NAMESPACE: 'jobs',
      BCTRL_LOG_FORMAT: 'pretty',
      BCTRL_LOG_LEVEL: 'warn',
      BCTRL_METRICS_ADDRESS: '0.0.0.0:9464',
      BCTRL_HEALTH_ADDRESS: '[::1]:8080',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.example:4318/',
      OTEL_SERVICE_NAME: 'files',
      TEMPORAL_DEPLOYMENT_NAME: 'jobs/files',
      TEMPORAL_WORKER_BUILD_ID: '1.4.0',
    });
  assert.deepEqual(bctrl, {
    apiKey: 'key-1',
    proxyUrl: undefined,
    baseUrl: 'http://localhost:8787/v1',
    subaccountId: 'sub_1',
    requestTimeoutMs: 30_000,
    maxRequests: 8,
  });
  assert.deepEqual(rest, {
    listSettleTimeMs: 2_000,
    shutdownGraceTimeMs: 60_000,
    maxCachedWorkflows: 200,
    deploymentVersion: { deploymentName: 'jobs/files', buildId: '1.4.0' },
    log: { format: 'pretty', level: 'warn' },
    metricsAddress: { host: '0.0.0.0', port: 9464 },
    healthAddress: { host: '::1', port: 8080 },
    tracing: { url: 'http://collector.example:4318/v1/traces', serviceName: 'files' },
  });
  assert.equal(taskQueue, 'files');
  assert.equal(encryptionKeys, KeyRing.empty);
  assert.equal(maxTaskQueueActivitiesPerSecond, 0.5);
  assert.equal(temporal.namespace, 'jobs');
  assert.equal(temporal.connectionOptions.address, 'temporal.example:7234');
});

describe('an API key in a file', () => {
  async function writeKey(t: TestContext): Promise<string> {
    const path = join(await createTestFolder(t), 'key');
    await writeFile(path, 'key-1\n');
    return path;
  }

  test('an API key in a file is read again after it was refused', async (t) => {
    const path = await writeKey(t);
    const { apiKey } = readWorkerConfig({ BCTRL_API_KEY_FILE: path }).bctrl;
    assert.ok(typeof apiKey === 'function');
    await writeFile(path, 'key-2');
    assert.deepEqual([apiKey(), apiKey('key-1'), apiKey()], ['key-1', 'key-2', 'key-2']);
  });

  test('an API key in a file turns TLS on for Temporal, as TEMPORAL_API_KEY does', async (t) => {
    const path = await writeKey(t);
    const read = (env: Environment) => workerConfig(env).temporal.connectionOptions;
    const { apiKey, tls } = read({ TEMPORAL_API_KEY_FILE: path });
    assert.deepEqual([apiKey, tls], ['key-1', true]);
    assert.equal(read({ TEMPORAL_API_KEY_FILE: path, TEMPORAL_TLS: 'false' }).tls, false);
  });

  for (const name of ['BCTRL_API_KEY', 'TEMPORAL_API_KEY']) {
    test(`an API key in a file excludes ${name}`, async (t) => {
      const both = { BCTRL_API_KEY: 'key-1', [name]: 's3cret', [`${name}_FILE`]: await writeKey(t) };
      const message = `${name} and ${name}_FILE: both are set; remove one of them`;
      assert.throws(() => workerConfig(both), { name: 'ConfigError', message });
    });

    test(`an API key in a file that cannot be read is an error of ${name}_FILE, which is not quoted`, () => {
      const env = { BCTRL_API_KEY: name === 'BCTRL_API_KEY' ? '' : 'key-1', [`${name}_FILE`]: '/s3cret' };
      const message = `${name}_FILE: the file that it names cannot be read (ENOENT)`;
      assert.throws(() => readWorkerConfig(env), { name: 'ConfigError', message });
    });
  }
});

test('BCTRL_API_BASE_URL is used if BCTRL_BASE_URL is not set', () => {
  const both = { BCTRL_BASE_URL: 'http://one', BCTRL_API_BASE_URL: 'http://two' };
  assert.equal(workerConfig(both).bctrl.baseUrl, 'http://one');
  assert.equal(workerConfig({ ...both, BCTRL_BASE_URL: '' }).bctrl.baseUrl, 'http://two');
});

test('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is used without adding a path', () => {
  const url = 'https://collector.example/traces';
  const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://other.example';
  assert.deepEqual(
    workerConfig({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url }).tracing,
    {
      url,
      serviceName: 'bctrl-temporal-worker',
    },
  );
});

test('an empty variable counts as not set', () => {
  const empty = { BCTRL_SUBACCOUNT_ID: '', BCTRL_REQUEST_TIMEOUT: ' ', BCTRL_TASK_QUEUE: '' };
  assert.deepEqual(workerConfig(empty), workerConfig({}));
});

const wrong: [env: Environment, message: RegExp][] = [
  [{ BCTRL_API_KEY: '' }, /^BCTRL_API_KEY: is not set; for example: BCTRL_API_KEY=/],
  [{ BCTRL_API_KEY: 'secret\nkey' }, /^BCTRL_API_KEY: contains characters (?!.*secret)/],
  [{ BCTRL_BASE_URL: 'localhost:8787' }, /^BCTRL_BASE_URL: is not an http or https URL/],
  [{ BCTRL_BASE_URL: 'ftp://x' }, /^BCTRL_BASE_URL: is not/],
  [
    { BCTRL_BASE_URL: 'https://u:secret@x' },
    /^BCTRL_BASE_URL: must not contain a user, query or fragment(?!.*secret)/,
  ],
  ...['0', '-1', 'many', '1e3'].map((rate): [Environment, RegExp] => [
    { BCTRL_MAX_TASK_QUEUE_ACTIVITIES_PER_SECOND: rate },
    /^BCTRL_MAX_TASK_QUEUE_ACTIVITIES_PER_SECOND: is not a number above 0; for example: .*=50/,
  ]),
  ...[
    '9464',
    ':9464',
    'localhost',
    'localhost:0',
    'localhost:65536',
    'http://localhost:9464',
    '::1:9464',
  ].map((address): [Environment, RegExp] => [
    { BCTRL_METRICS_ADDRESS: address },
    /^BCTRL_METRICS_ADDRESS: is not host:port; for example: BCTRL_METRICS_ADDRESS=127\.0\.0\.1:9464$/,
  ]),
  [{ BCTRL_HEALTH_ADDRESS: 'x' }, /^BCTRL_HEALTH_ADDRESS: is not host:port; .*=127\.0\.0\.1:8080$/],
  [{ BCTRL_LOG_FORMAT: 'xml' }, /^BCTRL_LOG_FORMAT: is not one of json, pretty; .*BCTRL_LOG_FORMAT=json$/],
  [{ BCTRL_LOG_LEVEL: 'INFO' }, /^BCTRL_LOG_LEVEL: is not one of info, debug, warn, error; .*=info$/],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' },
    /^OTEL_EXPORTER_OTLP_ENDPOINT: .*=http:\/\/localhost:4318$/,
  ],
  [{ BCTRL_API_BASE_URL: 'nope' }, /^BCTRL_API_BASE_URL: is not/],
  [{ BCTRL_REQUEST_TIMEOUT: '5' }, /^BCTRL_REQUEST_TIMEOUT: is not a duration; .*BCTRL_REQUEST_TIMEOUT=5m$/],
  [{ BCTRL_REQUEST_TIMEOUT: '5 bananas' }, /^BCTRL_REQUEST_TIMEOUT: is not a duration/],
  [{ BCTRL_REQUEST_TIMEOUT: '-5s' }, /^BCTRL_REQUEST_TIMEOUT: is not a duration/],
  [{ BCTRL_MAX_REQUESTS: '0' }, /^BCTRL_MAX_REQUESTS: is not a whole number .*BCTRL_MAX_REQUESTS=32$/],
  [{ BCTRL_MAX_REQUESTS: '1.5' }, /^BCTRL_MAX_REQUESTS: is not/],
  ...['0', '1', '2.5', '100000'].map((BCTRL_MAX_CACHED_WORKFLOWS): [Environment, RegExp] => [
    { BCTRL_MAX_CACHED_WORKFLOWS },
    /^BCTRL_MAX_CACHED_WORKFLOWS: is not a whole number from 2 to 99999; .*=1000$/,
  ]),
  [{ TEMPORAL_ADDRESS: 'localhost' }, /^TEMPORAL_ADDRESS: is not host:port; .*=localhost:7233$/],
  [{ BCTRL_LIST_SETTLE_TIME: '11m' }, /^BCTRL_LIST_SETTLE_TIME: is longer than 10m; .*=5s$/],
  [{ BCTRL_REQUEST_TIMEOUT: '25d' }, /^BCTRL_REQUEST_TIMEOUT: is longer than 24h; .*=5m$/],
  ...['a.b', 'a:b', '__a', 'a'.repeat(256)].map((TEMPORAL_DEPLOYMENT_NAME): [Environment, RegExp] => [
    { TEMPORAL_DEPLOYMENT_NAME, TEMPORAL_WORKER_BUILD_ID: '1' },
    /^TEMPORAL_DEPLOYMENT_NAME: has more than 255 characters, one of \. : or __ .*_NAME=bctrl-files$/,
  ]),
  ...['__1', '1'.repeat(256)].map((TEMPORAL_WORKER_BUILD_ID): [Environment, RegExp] => [
    { TEMPORAL_DEPLOYMENT_NAME: 'a', TEMPORAL_WORKER_BUILD_ID },
    /^TEMPORAL_WORKER_BUILD_ID: has more than 255 characters, or __ .*_ID=1\.4\.0$/,
  ]),
  [
    { TEMPORAL_DEPLOYMENT_NAME: 'a' },
    /^TEMPORAL_WORKER_BUILD_ID: is not set, but TEMPORAL_DEPLOYMENT_NAME is; .*_ID=1\.4\.0$/,
  ],
  [
    { TEMPORAL_WORKER_BUILD_ID: '1' },
    /^TEMPORAL_DEPLOYMENT_NAME: is not set, but TEMPORAL_WORKER_BUILD_ID is; .*_NAME=bctrl-files$/,
  ],
  [{ TEMPORAL_PROFILE: 'nope' }, /^TEMPORAL_PROFILE: there is no such profile$/],
];

for (const [env, message] of wrong) {
  test(`${JSON.stringify(env)} is an error of one line`, () => {
    assert.throws(
      () => workerConfig(env),
      (error: Error) => {
        assert.equal(error.name, 'ConfigError');
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      },
    );
  });
}

test('name and build id of a deployment may have 255 characters', () => {
  const [deploymentName, buildId] = ['a'.repeat(255), '1'.repeat(255)];
  const env = { TEMPORAL_DEPLOYMENT_NAME: deploymentName, TEMPORAL_WORKER_BUILD_ID: buildId };
  assert.deepEqual(workerConfig(env).deploymentVersion, { deploymentName, buildId });
});

test('BCTRL_REQUEST_TIMEOUT may be a day', () => {
  assert.equal(workerConfig({ BCTRL_REQUEST_TIMEOUT: '24h' }).bctrl.requestTimeoutMs, 86_400_000);
});

for (const [env, proxyUrl] of [
  [{ HTTPS_PROXY: 'http://one:3128' }, 'http://one:3128'],
  [{ HTTPS_PROXY: 'http://one:3128', https_proxy: 'http://two:3128' }, 'http://two:3128'],
  [{ HTTPS_PROXY: 'http://one:3128', https_proxy: '' }, 'http://one:3128'],
  [{ HTTPS_PROXY: 'one:3128' }, 'http://one:3128'],
  [{ https_proxy: 'https://user:p%40ss@one' }, 'https://user:p%40ss@one'],
  [{ HTTP_PROXY: 'http://one:3128' }, undefined],
  [{ HTTP_PROXY: 'http://one:3128', BCTRL_BASE_URL: 'http://api.example' }, 'http://one:3128'],
  [{ HTTPS_PROXY: 'http://one:3128', BCTRL_BASE_URL: 'http://api.example' }, undefined],
  [{ HTTP_PROXY: 'http://one:3128', BCTRL_BASE_URL: 'http://localhost:8787' }, undefined],
  [{ HTTPS_PROXY: 'http://one:3128', NO_PROXY: 'other.example,.bctrl.ai' }, undefined],
  [{ HTTPS_PROXY: 'http://one:3128', NO_PROXY: '*', no_proxy: 'other.example' }, 'http://one:3128'],
] as const) {
  test(`${JSON.stringify(env)} makes the proxy ${proxyUrl}`, () => {
    assert.equal(workerConfig(env).bctrl.proxyUrl, proxyUrl);
  });
}

test('an empty TEMPORAL_ variable counts as not set', () => {
  const { connectionOptions } = workerConfig({ TEMPORAL_ADDRESS: '', TEMPORAL_API_KEY: '' }).temporal;
  assert.deepEqual([connectionOptions.address, connectionOptions.apiKey], ['localhost:7233', undefined]);
});

describe('no error quotes a secret', () => {
  const SECRET = 's3cret';

  function assertHidden(env: Environment, message: RegExp): void {
    assert.throws(
      () => workerConfig(env),
      (error: Error) => {
        assert.equal(error.name, 'ConfigError');
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, new RegExp(SECRET));
        assert.doesNotMatch(error.message, /\n/);
        return true;
      },
    );
  }

  for (const name of [
    'BCTRL_API_KEY',
    'BCTRL_SUBACCOUNT_ID',
    'BCTRL_BASE_URL',
    'BCTRL_API_BASE_URL',
    'BCTRL_REQUEST_TIMEOUT',
    'BCTRL_MAX_REQUESTS',
    'BCTRL_LIST_SETTLE_TIME',
    'BCTRL_MAX_TASK_QUEUE_ACTIVITIES_PER_SECOND',
    'BCTRL_MAX_CACHED_WORKFLOWS',
    'BCTRL_METRICS_ADDRESS',
    'BCTRL_HEALTH_ADDRESS',
    'BCTRL_LOG_FORMAT',
    'BCTRL_LOG_LEVEL',
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    'TEMPORAL_ADDRESS',
    'TEMPORAL_API_KEY',
    'TEMPORAL_GRPC_META_X_TOKEN',
    'TEMPORAL_PROFILE',
  ]) {
    test(`in ${name}`, () => {
      for (const value of [`${SECRET}\u0001`, `user:${SECRET}@host:1\u0001`, `//user:${SECRET}@host\u0001`]) {
        assertHidden({ [name]: value }, new RegExp(`^${name}: `));
      }
    });
  }

  test('in a URL or an address with a password', () => {
    const url = `https://user:${SECRET}@api.example`;
    for (const name of ['BCTRL_BASE_URL', 'OTEL_EXPORTER_OTLP_ENDPOINT']) {
      assertHidden({ [name]: url }, new RegExp(`^${name}: must not contain a user`));
    }
    assert.throws(() => readStarterConfig({ BCTRL_TEMPORAL_UI_URL: url }), {
      message: /^BCTRL_TEMPORAL_UI_URL: must not contain a user, query or fragment; [^@]*$/,
    });
    assertHidden({ TEMPORAL_ADDRESS: `${SECRET}@host:7233` }, /^TEMPORAL_ADDRESS: is not host:port/);
  });

  test('in the URL of a proxy', () => {
    for (const url of [`socks5://user:${SECRET}@proxy`, `http://user:${SECRET}%zz@proxy`, 'http://a b']) {
      assertHidden({ HTTPS_PROXY: url }, /^HTTPS_PROXY: is not the http or https URL of a proxy; [^@]*$/);
    }
  });

  test('in a variable that should hold the path of a file', () => {
    const TEMPORAL_TLS_CLIENT_KEY_PATH = `-----BEGIN ${SECRET}`;
    assertHidden(
      { TEMPORAL_TLS_CLIENT_KEY_PATH },
      /^TEMPORAL_TLS_CLIENT_KEY_PATH: cannot read the file that it names \(ENOENT\)$/,
    );
  });

  for (const [name, toml, message] of [
    [
      'that is not TOML',
      `[profile.default]\napi_key = "${SECRET}\n`,
      /^TEMPORAL_CONFIG_FILE: is not TOML at line 2, column \d+$/,
    ],
    [
      'without a profile',
      `key = "${SECRET}"\n`,
      /^TEMPORAL_TLS_\* or TEMPORAL_CONFIG_FILE: is not a valid Temporal client configuration/,
    ],
    [
      'that contradicts itself',
      `[profile.default.tls]\nclient_key_path = "a"\nclient_key_data = "${SECRET}"\n`,
      /: Cannot specify both client_key_path and client_key_data$/,
    ],
  ] as const) {
    test(`in a file ${name}`, async (t) => {
      const file = join(await createTestFolder(t), 'temporal.toml');
      await writeFile(file, toml);
      assertHidden({ TEMPORAL_CONFIG_FILE: file }, message);
    });
  }
});

test('the starter needs no API key', () => {
  assert.equal(readStarterConfig({}).taskQueue, 'bctrl-runtime-files');
});

for (const [env, uiUrl] of [
  [{}, 'http://localhost:8233'],
  [{ TEMPORAL_ADDRESS: '127.0.0.1:7233' }, 'http://localhost:8233'],
  [{ TEMPORAL_ADDRESS: 'jobs.abc12.tmprl.cloud:7233' }, 'https://cloud.temporal.io'],
  [{ TEMPORAL_ADDRESS: 'us-east-1.aws.api.temporal.io:7233' }, 'https://cloud.temporal.io'],
  [{ TEMPORAL_ADDRESS: 'temporal.example:7233' }, undefined],
  [{ BCTRL_TEMPORAL_UI_URL: 'https://ui.example/' }, 'https://ui.example'],
] as const) {
  test(`${JSON.stringify(env)} makes the UI's address ${uiUrl}`, () => {
    assert.equal(readStarterConfig(env).uiUrl, uiUrl);
  });
}
