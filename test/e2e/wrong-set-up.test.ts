import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startServer } from '../support/client.js';
import { useDevServer } from '../support/dev-server.js';
import { type ExecutableName, type ProcessResult, runExecutable } from '../support/executable.js';
import { API_KEY, startTestGateway } from '../support/gateway.js';

const RUNTIME = '00000000-0000-4000-8000-000000000000';
const NOWHERE = '127.0.0.1:9';

const temporal = useDevServer();

/** One line on stderr, nothing on stdout, no stack trace, no key. */
function assertOneLine({ code, stdout, stderr }: ProcessResult, expectedCode: number, line: RegExp): void {
  assert.match(stderr, line);
  assert.equal(stderr.split('\n').length, 2, stderr);
  assert.doesNotMatch(stderr, /\n {4}at |local-development-key|wrong-key/);
  assert.deepEqual([code, stdout], [expectedCode, '']);
}

describe('the worker ends at once', () => {
  test('with 2 for a wrong API key', async (t) => {
    const gateway = await startTestGateway(t);
    const env = { BCTRL_API_KEY: 'wrong-key', BCTRL_BASE_URL: gateway.url };
    const ended = await runExecutable(t, 'worker', [], env);
    assertOneLine(
      ended,
      2,
      /^bctrl-temporal-worker: BCTRL_API_KEY: the API refuses it \(http:\S+ GET \/v1\/auth\/whoami returned 401/,
    );
  });

  test('with 3 for an API that is not reachable', async (t) => {
    const env = { BCTRL_API_KEY: API_KEY, BCTRL_BASE_URL: `http://${NOWHERE}` };
    const ended = await runExecutable(t, 'worker', [], env);
    assertOneLine(
      ended,
      3,
      /^bctrl-temporal-worker: BCTRL_BASE_URL: the API is not reachable \(.*ECONNREFUSED\)/,
    );
  });

  test('with 2 for something that is not the API', async (t) => {
    const url = await startServer(t, (_request, response) => response.end('<html>Welcome</html>'));
    const ended = await runExecutable(t, 'worker', [], { BCTRL_API_KEY: API_KEY, BCTRL_BASE_URL: url });
    assertOneLine(ended, 2, /^bctrl-temporal-worker: BCTRL_BASE_URL: this is not the bctrl API/);
  });

  test('with 3 for a Temporal that is not reachable', async (t) => {
    const gateway = await startTestGateway(t);
    const env = { BCTRL_API_KEY: API_KEY, BCTRL_BASE_URL: gateway.url, TEMPORAL_ADDRESS: NOWHERE };
    const ended = await runExecutable(t, 'worker', [], env);
    assertOneLine(
      ended,
      3,
      /^bctrl-temporal-worker: Temporal at 127\.0\.0\.1:9 is not reachable \(.*refused\)/i,
    );
  });

  test('with 2 for a namespace that does not exist', async (t) => {
    const gateway = await startTestGateway(t);
    const connection = { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: 'nope' };
    const env = { BCTRL_API_KEY: API_KEY, BCTRL_BASE_URL: gateway.url, ...connection };
    const ended = await runExecutable(t, 'worker', [], env);
    assertOneLine(ended, 2, /^bctrl-temporal-worker: TEMPORAL_NAMESPACE: there is no namespace "nope"/);
  });

  for (const variable of ['BCTRL_METRICS_ADDRESS', 'BCTRL_HEALTH_ADDRESS']) {
    const cannot = `^bctrl-temporal-worker: ${variable}: cannot listen on`;

    test(`with 2 for a ${variable} that is taken`, async (t) => {
      const gateway = await startTestGateway(t);
      const taken = new URL(await startServer(t, () => {})).host;
      const env = { BCTRL_API_KEY: API_KEY, BCTRL_BASE_URL: gateway.url, [variable]: taken };
      assertOneLine(
        await runExecutable(t, 'worker', [], env),
        2,
        new RegExp(`${cannot} ${taken} .*address already in use`, 'i'),
      );
    });

    test(`with 2 for a ${variable} whose name is not known`, async (t) => {
      const gateway = await startTestGateway(t);
      const env = { BCTRL_API_KEY: API_KEY, BCTRL_BASE_URL: gateway.url, [variable]: 'bctrl.invalid:9464' };
      const line = new RegExp(`${cannot} bctrl\\.invalid:9464 \\(getaddrinfo`);
      assertOneLine(await runExecutable(t, 'worker', [], env), 2, line);
    });
  }

  test('with 2 for a wrong variable', async (t) => {
    const ended = await runExecutable(t, 'worker', [], {
      BCTRL_API_KEY: API_KEY,
      BCTRL_REQUEST_TIMEOUT: '5',
    });
    assertOneLine(ended, 2, /^bctrl-temporal-worker: BCTRL_REQUEST_TIMEOUT: is not a duration/);
  });
});

test('the worker says what it is, without a variable set, and takes no arguments', async (t) => {
  const help = await runExecutable(t, 'worker', ['--help'], {});
  assert.deepEqual([help.code, help.stderr], [0, '']);
  assert.match(help.stdout, /BCTRL_API_KEY is required/);
  const version = await runExecutable(t, 'worker', ['--version'], {});
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  const wrong = await runExecutable(t, 'worker', ['start'], {});
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /^bctrl-temporal-worker: too many arguments[^\n]*\n$/);
});

describe('the starter ends at once', () => {
  const start = ['start', RUNTIME, 'a.txt', '--wait'];

  test('with 3 for a Temporal that is not reachable', async (t) => {
    for (const argv of [start, ['collect', RUNTIME, 'a.txt'], ['result', 'x']]) {
      const ended = await runExecutable(t, 'starter', argv, { TEMPORAL_ADDRESS: NOWHERE });
      assertOneLine(ended, 3, /^bctrl-temporal: Temporal at 127\.0\.0\.1:9 is not reachable/);
    }
  });

  test('with 2 for a namespace that does not exist', async (t) => {
    const env = { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: 'nope' };
    const ended = await runExecutable(t, 'starter', start, env);
    assertOneLine(ended, 2, /^bctrl-temporal: TEMPORAL_NAMESPACE: there is no namespace "nope"/);
  });

  test('with 2 for a workflow that does not exist', async (t) => {
    const ended = await runExecutable(t, 'starter', ['result', 'nope'], {
      TEMPORAL_ADDRESS: temporal.address,
    });
    assertOneLine(ended, 2, /^bctrl-temporal: there is no workflow with the id "nope"/);
  });

  const wrong: [argv: string[], env: Record<string, string>, line: RegExp][] = [
    [start, { TEMPORAL_ADDRESS: 'localhost' }, /^bctrl-temporal: TEMPORAL_ADDRESS: is not host:port/],
    [['start'], {}, /^bctrl-temporal: missing required argument 'runtimeId'/],
    [['start', RUNTIME], {}, /^bctrl-temporal: missing required argument 'path'/],
    [['start', RUNTIME, ''], {}, /^bctrl-temporal: files\[0\]\.runtimePath: /],
    [
      [...start, '--timeout', '5'],
      {},
      /^bctrl-temporal: option '--timeout <duration>' argument '5' is invalid/,
    ],
    [['start', RUNTIME, 'a', '--timeout', '5s'], {}, /^bctrl-temporal: --timeout needs --wait/],
    [['start', RUNTIME, 'a', '--teapot'], {}, /^bctrl-temporal: unknown option '--teapot'/],
    [['collect', RUNTIME, 'a', 'b'], {}, /^bctrl-temporal: too many arguments/],
    [['teapot'], {}, /^bctrl-temporal: unknown command 'teapot'/],
  ];
  for (const [argv, env, line] of wrong) {
    test(`with 2 for ${argv.join(' ')} ${JSON.stringify(env)}`, async (t) => {
      assertOneLine(await runExecutable(t, 'starter', argv, env), 2, line);
    });
  }
});

test('the gateway ends at once with 2 for a wrong argument', async (t) => {
  const name: ExecutableName = 'gateway';
  const ended = await runExecutable(t, name, ['--port', 'x'], {});
  assertOneLine(ended, 2, /'--port <number>' argument 'x' is invalid/);
});
