import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startServer } from '../support/client.js';
import { useDevServer } from '../support/dev-server.js';
import { type ExecutableName, type ProcessResult, runExecutable } from '../support/executable.js';
import { API_KEY, startTestGateway } from '../support/gateway.js';

const RUNTIME = '00000000-0000-4000-8000-000000000000';
const NOWHERE = '127.0.0.1:9';

const temporal = useDevServer();

/** Asserts one line on stderr without stack trace or key, and nothing on stdout. */
function assertOneLine({ code, stdout, stderr }: ProcessResult, expectedCode: number, line: RegExp): void {
  assert.match(stderr, line);
  assert.equal(stderr.split('\n').length, 2, stderr);
  assert.doesNotMatch(stderr, /\n {4}at |local-development-key|wrong-key/);
  assert.deepEqual([code, stdout], [expectedCode, '']);
}

describe('a worker that cannot start', () => {
  test('the worker ends with 2 for a wrong API key', async (t) => {
    const gateway = await startTestGateway(t);
    const env = { BCTRL_API_KEY: 'wrong-key', BCTRL_BASE_URL: gateway.url };
    const ended = await runExecutable(t, 'worker', [], env);
    assertOneLine(
      ended,
      2,
      /^bctrl-temporal-worker: BCTRL_API_KEY: the API refuses it \(http:\S+ GET \/v1\/auth\/whoami returned 401/,
    );
  });

  test('the worker ends with 2 for something that is not the API', async (t) => {
    const url = await startServer(t, (_request, response) => response.end('<html>Welcome</html>'));
    const ended = await runExecutable(t, 'worker', [], { BCTRL_API_KEY: API_KEY, BCTRL_BASE_URL: url });
    assertOneLine(ended, 2, /^bctrl-temporal-worker: BCTRL_BASE_URL: this is not the bctrl API/);
  });

  test('the worker ends with 3 for a Temporal that is not reachable', async (t) => {
    const gateway = await startTestGateway(t);
    const env = { BCTRL_API_KEY: API_KEY, BCTRL_BASE_URL: gateway.url, TEMPORAL_ADDRESS: NOWHERE };
    const ended = await runExecutable(t, 'worker', [], env);
    assertOneLine(
      ended,
      3,
      /^bctrl-temporal-worker: Temporal at 127\.0\.0\.1:9 is not reachable \(.*refused\)/i,
    );
  });

  test('the worker ends with 2 for a namespace that does not exist', async (t) => {
    const gateway = await startTestGateway(t);
    const connection = { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: 'nope' };
    const env = { BCTRL_API_KEY: API_KEY, BCTRL_BASE_URL: gateway.url, ...connection };
    const ended = await runExecutable(t, 'worker', [], env);
    assertOneLine(ended, 2, /^bctrl-temporal-worker: TEMPORAL_NAMESPACE: there is no namespace "nope"/);
  });

  for (const variable of ['BCTRL_METRICS_ADDRESS', 'BCTRL_HEALTH_ADDRESS']) {
    const cannot = `^bctrl-temporal-worker: ${variable}: cannot listen on`;

    test(`the worker ends with 2 for a ${variable} that is taken`, async (t) => {
      const gateway = await startTestGateway(t);
      const taken = new URL(await startServer(t, () => {})).host;
      const env = { BCTRL_API_KEY: API_KEY, BCTRL_BASE_URL: gateway.url, [variable]: taken };
      assertOneLine(
        await runExecutable(t, 'worker', [], env),
        2,
        new RegExp(`${cannot} ${taken} .*address already in use`, 'i'),
      );
    });

    test(`the worker ends with 2 for a ${variable} whose name is not known`, async (t) => {
      const gateway = await startTestGateway(t);
      const env = { BCTRL_API_KEY: API_KEY, BCTRL_BASE_URL: gateway.url, [variable]: 'bctrl.invalid:9464' };
      const line = new RegExp(`${cannot} bctrl\\.invalid:9464 \\(getaddrinfo`);
      assertOneLine(await runExecutable(t, 'worker', [], env), 2, line);
    });
  }

  test('the worker ends with 2 for a wrong variable', async (t) => {
    const ended = await runExecutable(t, 'worker', [], {
      BCTRL_API_KEY: API_KEY,
      BCTRL_REQUEST_TIMEOUT: '5',
    });
    assertOneLine(ended, 2, /^bctrl-temporal-worker: BCTRL_REQUEST_TIMEOUT: is not a duration/);
  });
});

test('the worker prints help and version without any variable, and takes no arguments', async (t) => {
  const help = await runExecutable(t, 'worker', ['--help'], {});
  assert.deepEqual([help.code, help.stderr], [0, '']);
  assert.match(help.stdout, /BCTRL_API_KEY is required/);
  const version = await runExecutable(t, 'worker', ['--version'], {});
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  const wrong = await runExecutable(t, 'worker', ['start'], {});
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /^bctrl-temporal-worker: too many arguments[^\n]*\n$/);
});

describe('a starter that cannot do its work', () => {
  const start = ['start', RUNTIME, 'a.txt', '--wait'];

  test('the starter ends with 3 for a Temporal that is not reachable', async (t) => {
    for (const argv of [start, ['collect', RUNTIME, 'a.txt'], ['result', 'x']]) {
      const ended = await runExecutable(t, 'starter', argv, { TEMPORAL_ADDRESS: NOWHERE });
      assertOneLine(ended, 3, /^bctrl-temporal: Temporal at 127\.0\.0\.1:9 is not reachable/);
    }
  });

  test('the starter ends with 2 for a namespace that does not exist', async (t) => {
    const env = { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: 'nope' };
    const ended = await runExecutable(t, 'starter', start, env);
    assertOneLine(ended, 2, /^bctrl-temporal: TEMPORAL_NAMESPACE: there is no namespace "nope"/);
  });

  test('the starter ends with 2 for a workflow that does not exist', async (t) => {
    const ended = await runExecutable(t, 'starter', ['result', 'nope'], {
      TEMPORAL_ADDRESS: temporal.address,
    });
    assertOneLine(ended, 2, /^bctrl-temporal: there is no workflow with the id "nope"/);
  });

  test('the starter ends with 2 for a wrong variable', async (t) => {
    const ended = await runExecutable(t, 'starter', start, { TEMPORAL_ADDRESS: 'localhost' });
    assertOneLine(ended, 2, /^bctrl-temporal: TEMPORAL_ADDRESS: is not host:port/);
  });

  test('the starter ends with 2 for a wrong argument', async (t) => {
    const ended = await runExecutable(t, 'starter', [...start, '--teapot'], {});
    assertOneLine(ended, 2, /^bctrl-temporal: unknown option '--teapot'/);
  });
});

test('the gateway ends with 2 for a wrong argument', async (t) => {
  const name: ExecutableName = 'gateway';
  const ended = await runExecutable(t, name, ['--port', 'x'], {});
  assertOneLine(ended, 2, /'--port <number>' argument 'x' is invalid/);
});
