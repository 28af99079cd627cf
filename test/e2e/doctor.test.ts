import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { checkNode } from '../../src/cli/doctor/check-node.js';
import type { CheckResult } from '../../src/cli/doctor/doctor-report.js';
import { exitCodes } from '../../src/exit.js';
import { version } from '../../src/version.js';
import { startServer } from '../support/client.js';
import { useDevServer } from '../support/dev-server.js';
import { runExecutable } from '../support/executable.js';
import { API_KEY, startTestGateway } from '../support/gateway.js';
import { startHttpProxy } from '../support/http-proxy.js';
import { startWorkerProcess } from '../support/worker-process.js';

const HOUR_MS = 3_600_000;

const temporal = useDevServer();

/** A set-up in which all is right. */
async function setUp(t: TestContext) {
  const gateway = await startTestGateway(t);
  const taskQueue = gateway.runtimeId;
  await startWorkerProcess(t, { address: temporal.address, gatewayUrl: gateway.url, taskQueue });
  return {
    TEMPORAL_ADDRESS: temporal.address,
    BCTRL_TASK_QUEUE: taskQueue,
    BCTRL_BASE_URL: gateway.url,
    BCTRL_API_KEY: API_KEY,
  };
}

async function examine(t: TestContext, env: Record<string, string>) {
  const { code, stdout, stderr } = await runExecutable(t, 'starter', ['doctor', '--json'], env);
  assert.equal(stderr, '');
  const findings: CheckResult[] = JSON.parse(stdout).findings;
  return { code, findings, wrong: findings.filter(({ outcome }) => outcome === 'problem') };
}

const all = [
  'node',
  'configuration',
  'proxy',
  'api',
  'clock',
  'temporal',
  'namespace',
  'search attributes',
  'worker',
];

test('in a good set-up all is well, and a line each says so', async (t) => {
  const env = await setUp(t);
  const before = await examine(t, env);
  assert.deepEqual(
    before.findings.map(({ name, outcome }) => [name, outcome]),
    all.map((name) => [name, name === 'search attributes' ? 'warning' : 'ok']),
  );
  assert.equal(before.code, exitCodes.done, 'a pipeline runs without search attributes');
  const attributes = before.findings.find(({ name }) => name === 'search attributes');
  assert.match(attributes?.message ?? '', /^not registered: BctrlRuntimeId, .*: run bctrl-temporal setup$/);

  await runExecutable(t, 'starter', ['setup'], env);
  const { code, stdout } = await runExecutable(t, 'starter', ['doctor'], env);
  assert.equal(code, exitCodes.done);
  assert.equal(stdout.match(/^ok +\S.*$/gm)?.length, all.length, stdout);
  assert.match(
    stdout,
    new RegExp(`\nok +worker +1 on task queue "\\S+", version ${version}, last seen .* ago\n`),
  );
});

test('a proxy is used for all requests to the API, and named without its password', async (t) => {
  const env = await setUp(t);
  const proxy = await startHttpProxy(t, Number(new URL(env.BCTRL_BASE_URL).port));
  const { findings, wrong } = await examine(t, {
    ...env,
    BCTRL_BASE_URL: 'http://api.example',
    http_proxy: `http://user:s3cret@${proxy.address}`,
  });
  assert.deepEqual(wrong, []);
  const { message } = findings.find(({ name }) => name === 'proxy') ?? {};
  assert.equal(message, `http://${proxy.address} for http://api.example`);
  assert.deepEqual(proxy.requests, ['GET http://api.example/v1/auth/whoami', 'HEAD http://api.example/']);
});

/** Answers as the API does, except that its clock is an hour ahead. */
function answerAnHourAhead(_: IncomingMessage, response: ServerResponse): void {
  response.setHeader('date', new Date(Date.now() + HOUR_MS).toUTCString());
  response.setHeader('content-type', 'application/json');
  const id = '3f2b8c1e-5a4d-4e6f-9b70-1c2d3e4f5a6b';
  response.end(
    JSON.stringify({ keyId: id, organizationId: id, defaultSpaceId: id, scope: 'organization', plan: 'pro' }),
  );
}

interface Broken {
  /** What is wrong with the set-up. */
  readonly change: (t: TestContext) => Record<string, string> | Promise<Record<string, string>>;
  readonly name: string;
  readonly message: RegExp;
  readonly code: number;
}

const { usage, unreachable } = exitCodes;
const NOBODY = 'http://127.0.0.1:1';

/** One thing is wrong in each; everything else is as it should be. */
const broken: Readonly<Record<string, Broken>> = {
  'without an API key': {
    change: () => ({ BCTRL_API_KEY: '' }),
    name: 'configuration',
    message: /^BCTRL_API_KEY: is not set; for example: /,
    code: usage,
  },
  'with a variable that cannot be read': {
    change: () => ({ BCTRL_REQUEST_TIMEOUT: 'soon' }),
    name: 'configuration',
    message: /^BCTRL_REQUEST_TIMEOUT: is not a duration; for example: /,
    code: usage,
  },
  'with a key that the API refuses': {
    change: () => ({ BCTRL_API_KEY: 'another-key' }),
    name: 'api',
    message: /^BCTRL_API_KEY: the API refuses it \(.* returned 401 /,
    code: usage,
  },
  'with an API that is not there': {
    change: () => ({ BCTRL_BASE_URL: NOBODY }),
    name: 'api',
    message: /^BCTRL_BASE_URL: the API is not reachable \(.*ECONNREFUSED/,
    code: unreachable,
  },
  'with the address of something else': {
    change: async (t) => ({
      BCTRL_BASE_URL: await startServer(t, (_, response) => response.writeHead(404).end('nothing here')),
    }),
    name: 'api',
    message: /^BCTRL_BASE_URL: this is not the bctrl API \(/,
    code: usage,
  },
  'with a clock that is wrong': {
    change: async (t) => ({ BCTRL_BASE_URL: await startServer(t, answerAnHourAhead) }),
    name: 'clock',
    message: /^(59 min \d+ s|1 h) apart from the API's: let NTP set the clock/,
    code: usage,
  },
  'with a Temporal that is not there': {
    change: () => ({ TEMPORAL_ADDRESS: '127.0.0.1:1' }),
    name: 'temporal',
    message: /^Temporal at 127\.0\.0\.1:1 is not reachable \(/,
    code: unreachable,
  },
  'with a namespace that does not exist': {
    change: () => ({ TEMPORAL_NAMESPACE: 'nowhere' }),
    name: 'namespace',
    message: /^TEMPORAL_NAMESPACE: there is no namespace "nowhere": create it, or name another$/,
    code: usage,
  },
  'without a worker on the task queue': {
    change: () => ({ BCTRL_TASK_QUEUE: 'deserted' }),
    name: 'worker',
    message: /^nobody polls task queue "deserted" for workflows: start a worker there/,
    code: unreachable,
  },
};

test('a broken set-up has its cause named, and no other', async (t) => {
  const right = await setUp(t);
  for (const [title, { change, name, message, code }] of Object.entries(broken)) {
    await t.test(title, async (t) => {
      const env = { ...right, ...(await change(t)) };
      const examined = await examine(t, env);
      assert.deepEqual(
        examined.wrong.map((finding) => finding.name),
        [name],
      );
      assert.match(examined.wrong[0]?.message ?? '', message);
      assert.equal(examined.code, code);
      assert.doesNotMatch(JSON.stringify(examined.findings), new RegExp(API_KEY));
      const { stdout } = await runExecutable(t, 'starter', ['doctor'], env);
      assert.match(stdout, new RegExp(`^problem +${name} +`, 'm'));
      assert.equal(stdout.match(/^(ok|warning|problem|skipped) /gm)?.length, all.length, 'a line each');
    });
  }
});

for (const [node, isRight] of [
  ['20.19.0', true],
  ['20.18.9', false],
  ['18.20.0', false],
  ['22.0.0', true],
  ['24.21.0', true],
] as const) {
  test(`Node.js ${node} is ${isRight ? 'new enough' : 'too old'}`, () => {
    if (isRight) assert.equal(checkNode(node).message, node);
    else assert.throws(() => checkNode(node), /is too old: install Node\.js 20\.19 or newer$/);
  });
}
