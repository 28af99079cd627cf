import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import type { CheckResult } from '../../src/cli/commands/doctor.js';
import { exitCodes } from '../../src/exit.js';
import { version } from '../../src/version.js';
import { startServer } from '../support/client.js';
import { useDevServer } from '../support/dev-server.js';
import { type ProcessResult, runExecutable } from '../support/executable.js';
import { API_KEY, startTestGateway } from '../support/gateway.js';
import { startHttpProxy } from '../support/http-proxy.js';
import { runMain } from '../support/run-main.js';
import { startWorkerProcess, waitForPollers } from '../support/worker-process.js';

const HOUR_MS = 3_600_000;

const temporal = useDevServer();

/** Environment variables of a set-up without problems. */
async function setUp(t: TestContext) {
  const gateway = await startTestGateway(t);
  const taskQueue = gateway.runtimeId;
  await startWorkerProcess(t, { address: temporal.address, gatewayUrl: gateway.url, taskQueue });
  await waitForPollers(temporal.client, taskQueue);
  return {
    TEMPORAL_ADDRESS: temporal.address,
    BCTRL_TASK_QUEUE: taskQueue,
    BCTRL_BASE_URL: gateway.url,
    BCTRL_API_KEY: API_KEY,
  };
}

/** Parses what `doctor --json` has printed. */
function parse({ code, stdout, stderr }: ProcessResult) {
  assert.equal(stderr, '');
  const checks: CheckResult[] = JSON.parse(stdout).checks;
  return { code, checks, problems: checks.filter(({ outcome }) => outcome === 'problem') };
}

const all = [
  'node',
  'configuration',
  'proxy',
  'api',
  'clock',
  'encryption',
  'temporal',
  'namespace',
  'search attributes',
  'workers',
  'worker',
  'ui',
];

test('a key that travels unencrypted is a warning of the worker and of doctor', async (t) => {
  const gateway = await startTestGateway(t);
  // It reaches this machine, but does not say so.
  const gatewayUrl = gateway.url.replace('127.0.0.1', '0.0.0.0');
  const taskQueue = gateway.runtimeId;
  const worker = await startWorkerProcess(t, { address: temporal.address, gatewayUrl, taskQueue });
  const [first = ''] = worker.stderr().split('\n', 1);
  const { level, msg } = JSON.parse(first);
  assert.deepEqual([level, msg], ['warn', `the API key travels unencrypted to ${gatewayUrl}: use https`]);
  await waitForPollers(temporal.client, taskQueue);
  const env = {
    TEMPORAL_ADDRESS: temporal.address,
    BCTRL_TASK_QUEUE: taskQueue,
    BCTRL_BASE_URL: gatewayUrl,
    BCTRL_API_KEY: API_KEY,
  };
  const { code, stdout } = await runMain(['doctor'], { env });
  assert.equal(code, exitCodes.done);
  const line = `warning    api                ${gatewayUrl} accepts the key, which travels unencrypted: use https`;
  assert.ok(stdout.split('\n').includes(line), stdout);
});

test('a set-up without problems has a line for each check', async (t) => {
  const env = await setUp(t);
  const before = parse(await runMain(['doctor', '--json'], { env }));
  assert.deepEqual(
    before.checks.map(({ name, outcome }) => [name, outcome]),
    all.map((name) => [name, name === 'search attributes' ? 'warning' : 'ok']),
  );
  assert.equal(before.code, exitCodes.done, 'a pipeline runs without search attributes');
  const attributes = before.checks.find(({ name }) => name === 'search attributes');
  assert.match(attributes?.message ?? '', /^not registered: BctrlRuntimeId, .*: run bctrl-temporal setup$/);

  await runMain(['setup'], { env });
  const { code, stdout } = await runMain(['doctor'], { env });
  assert.equal(code, exitCodes.done);
  assert.equal(stdout.match(/^ok +\S.*$/gm)?.length, all.length, stdout);
  assert.match(
    stdout,
    new RegExp(
      `\nok +workers +1 on task queue "\\S+"\nok +worker +\\d+@\\S+: version ${version}, key \\S+, 0 of \\d+ activity slots, 0 of 32 requests\n`,
    ),
  );
});

test('all requests to the API use the proxy, which is named without its password', async (t) => {
  const env = await setUp(t);
  const proxy = await startHttpProxy(t, Number(new URL(env.BCTRL_BASE_URL).port));
  // A process: gRPC reads its variables of proxies from the real environment.
  const ended = await runExecutable(t, 'starter', ['doctor', '--json'], {
    ...env,
    BCTRL_BASE_URL: 'http://192.0.2.1',
    http_proxy: `http://user:s3cret@${proxy.address}`,
  });
  const { checks, problems } = parse(ended);
  assert.deepEqual(problems, []);
  const { message } = checks.find(({ name }) => name === 'proxy') ?? {};
  assert.equal(message, `http://${proxy.address} for http://192.0.2.1`);
  assert.deepEqual(proxy.requests, ['GET http://192.0.2.1/v1/auth/whoami', 'HEAD http://192.0.2.1/']);
});

/** Responds as the API does, with a clock that is an hour ahead. */
function respondAnHourAhead(_: IncomingMessage, response: ServerResponse): void {
  response.setHeader('date', new Date(Date.now() + HOUR_MS).toUTCString());
  response.setHeader('content-type', 'application/json');
  const id = '3f2b8c1e-5a4d-4e6f-9b70-1c2d3e4f5a6b';
  response.end(
    JSON.stringify({ keyId: id, organizationId: id, defaultSpaceId: id, scope: 'organization', plan: 'pro' }),
  );
}

interface Broken {
  /** The variables that break the set-up. */
  readonly change: (t: TestContext) => Record<string, string> | Promise<Record<string, string>>;
  readonly name: string;
  readonly message: RegExp;
  readonly code: number;
}

const { usage, unreachable } = exitCodes;
const NOWHERE = 'http://127.0.0.1:1';

/** Each case breaks one thing. */
const broken: Readonly<Record<string, Broken>> = {
  'without an API key': {
    change: () => ({ BCTRL_API_KEY: '' }),
    name: 'configuration',
    message: /^BCTRL_API_KEY: is not set.* BCTRL_API_KEY=/,
    code: usage,
  },
  'with a variable that cannot be read': {
    change: () => ({ BCTRL_REQUEST_TIMEOUT: 'soon' }),
    name: 'configuration',
    message: /^BCTRL_REQUEST_TIMEOUT: is not a duration.* BCTRL_REQUEST_TIMEOUT=/,
    code: usage,
  },
  'with a key that the API refuses': {
    change: () => ({ BCTRL_API_KEY: 'another-key' }),
    name: 'api',
    message: /^BCTRL_API_KEY: the API refuses it \(.* returned 401 /,
    code: usage,
  },
  'with an API that is not reachable': {
    change: () => ({ BCTRL_BASE_URL: NOWHERE }),
    name: 'api',
    message: /^BCTRL_BASE_URL: the API is not reachable \(.*ECONNREFUSED/,
    code: unreachable,
  },
  'with the address of another service': {
    change: async (t) => ({
      BCTRL_BASE_URL: await startServer(t, (_, response) => response.writeHead(404).end('nothing here')),
    }),
    name: 'api',
    message: /^BCTRL_BASE_URL: this is not the bctrl API \(/,
    code: usage,
  },
  'with a clock that is an hour off': {
    change: async (t) => ({ BCTRL_BASE_URL: await startServer(t, respondAnHourAhead) }),
    name: 'clock',
    message: /^(59 min \d+ s|1 h) apart from the API's: synchronize the clock of this machine/,
    code: usage,
  },
  'with a Temporal server that is not reachable': {
    change: () => ({ TEMPORAL_ADDRESS: '127.0.0.1:1' }),
    name: 'temporal',
    message: /^Temporal at 127\.0\.0\.1:1 is not reachable \(/,
    code: unreachable,
  },
  'with a namespace that does not exist': {
    change: () => ({ TEMPORAL_NAMESPACE: 'nowhere' }),
    name: 'namespace',
    message: /^TEMPORAL_NAMESPACE: there is no namespace "nowhere": create it, or set another one$/,
    code: usage,
  },
  'without a worker on the task queue': {
    change: () => ({ BCTRL_TASK_QUEUE: 'deserted' }),
    name: 'workers',
    message: /^no worker polls task queue "deserted" for workflows: start bctrl-temporal-worker$/,
    code: unreachable,
  },
};

test('a broken set-up has its cause named as the only problem', async (t) => {
  const working = await setUp(t);
  for (const [title, { change, name, message, code }] of Object.entries(broken)) {
    await t.test(title, async (t) => {
      const env = { ...working, ...(await change(t)) };
      const report = parse(await runMain(['doctor', '--json'], { env }));
      assert.deepEqual(
        report.problems.map((problem) => problem.name),
        [name],
      );
      assert.match(report.problems[0]?.message ?? '', message);
      assert.equal(report.code, code);
      assert.doesNotMatch(JSON.stringify(report.checks), new RegExp(API_KEY));
      const { stdout } = await runMain(['doctor'], { env });
      assert.match(stdout, new RegExp(`^problem +${name} +`, 'm'));
      assert.equal(stdout.match(/^(ok|warning|problem|skipped) /gm)?.length, report.checks.length, stdout);
    });
  }
});
