import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { CheckResult } from '../../src/cli/commands/doctor.js';
import { checkWorkerState } from '../../src/cli/commands/doctor-workers.js';
import { exitCodes } from '../../src/exit.js';
import { useDevServer } from '../support/dev-server.js';
import { runExecutable } from '../support/executable.js';
import { startTestGateway } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';
import { startWorkerProcess, waitForPollers } from '../support/worker-process.js';

const KEYS = ['key-of-the-first', 'key-of-the-second'] as const;

const temporal = useDevServer();

/** Two workers of one task queue, each with a key of its own. */
async function setUp(t: TestContext) {
  const gateway = await startTestGateway(t, { apiKeys: KEYS });
  const taskQueue = gateway.runtimeId;
  const address = temporal.address;
  const startOne = (apiKey: string) =>
    startWorkerProcess(t, { address, gatewayUrl: gateway.url, taskQueue, env: { BCTRL_API_KEY: apiKey } });
  const workers = await Promise.all(KEYS.map(startOne));
  await waitForPollers(temporal.client, taskQueue);
  await waitFor('both to poll', async () => {
    const request = { namespace: 'default', taskQueue: { name: taskQueue }, taskQueueType: 2 } as const;
    const { pollers } = await temporal.client.workflowService.describeTaskQueue(request);
    return pollers?.length === KEYS.length;
  });
  const env = {
    TEMPORAL_ADDRESS: address,
    BCTRL_TASK_QUEUE: taskQueue,
    BCTRL_BASE_URL: gateway.url,
    BCTRL_API_KEY: KEYS[0],
  };
  const doctor = async () => {
    const { code, stdout, stderr } = await runExecutable(t, 'starter', ['doctor', '--json'], env);
    assert.equal(stderr, '');
    const checks: CheckResult[] = JSON.parse(stdout).checks;
    const ofWorkers = checks.filter(({ name }) => name.startsWith('worker'));
    return { code, lines: ofWorkers.map(({ name, outcome, message }) => `${outcome} ${name} ${message}`) };
  };
  const [first, second] = workers.map(({ child }) => `${child.pid}@`);
  return { gateway, taskQueue, workers, first, second, doctor };
}

function assertLines(actual: readonly string[], expected: readonly RegExp[]): void {
  assert.equal(actual.length, expected.length, actual.join('\n'));
  for (const line of expected) {
    assert.ok(
      actual.some((each) => line.test(each)),
      `${line} is missing in\n${actual.join('\n')}`,
    );
  }
}

test('doctor tells the key of each worker, and which one is refused', async (t) => {
  const { gateway, first, second, doctor } = await setUp(t);
  const healthy = await doctor();
  assert.equal(healthy.code, exitCodes.done, healthy.lines.join('\n'));
  const facts = 'version \\S+, key \\S+, 0 of \\d+ activity slots, 0 of 32 requests$';
  assertLines(healthy.lines, [
    /^ok workers 2 on task queue /,
    new RegExp(`^ok worker ${first}\\S+: ${facts}`),
    new RegExp(`^ok worker ${second}\\S+: ${facts}`),
  ]);
  const keyIds = healthy.lines.flatMap((line) => /key (\S+),/.exec(line)?.[1] ?? []);
  assert.equal(new Set(keyIds).size, 2, 'each has its own key');

  gateway.setApiKeys([KEYS[0]]);
  const { code, lines } = await doctor();
  assert.equal(code, exitCodes.usage);
  assertLines(lines, [
    /^ok workers 2 on task queue /,
    new RegExp(`^ok worker ${first}`),
    new RegExp(`^problem worker ${second}\\S+: the API refuses its key \\(.* returned 401 `),
  ]);
  assert.doesNotMatch(lines.join(), new RegExp(KEYS.join('|')));
});

test('dead and frozen workers do not count', async (t) => {
  const { workers, first, second, doctor } = await setUp(t);
  workers[1]?.child.kill('SIGSTOP');
  t.after(() => workers[1]?.child.kill('SIGCONT'));
  const one = await doctor();
  assert.equal(one.code, exitCodes.done);
  const silent = /: does not answer, last seen \S+ s ago: it has ended, or hangs$/;
  assertLines(one.lines, [
    /^ok workers 1 on task queue /,
    new RegExp(`^ok worker ${first}`),
    new RegExp(`^warning worker ${second}\\S+${silent.source}`),
  ]);

  workers[0]?.child.kill('SIGKILL');
  const none = await doctor();
  assert.equal(none.code, exitCodes.unreachable);
  assertLines(none.lines, [
    /^problem workers no worker answers on task queue "\S+", last seen \S+ s ago: start bctrl-temporal-worker, or look at its log$/,
  ]);
});

test('a worker of another program counts, and is not asked', async (t) => {
  const { taskQueue, doctor } = await setUp(t);
  const connection = await NativeConnection.connect({ address: temporal.address });
  const other = await Worker.create({
    connection,
    taskQueue,
    identity: 'mine@host',
    activities: { mine: async () => undefined },
  });
  t.after(() => connection.close());
  await other.runUntil(async () => {
    await waitFor('it to poll', async () => (await doctor()).lines.length > 3);
    const { code, lines } = await doctor();
    assert.equal(code, exitCodes.done);
    assert.match(lines.join('\n'), /^ok workers 3 on task queue /);
    assert.match(lines.join('\n'), /^warning worker mine@host: another program, which is not asked, last/m);
  });
});

test('the questions of doctor leave no running workflow', async (t) => {
  const { doctor } = await setUp(t);
  await doctor();
  const connection = await Connection.connect({ address: temporal.address });
  t.after(() => connection.close());
  await waitFor('the workflows to end', async () => {
    const { count } = await temporal.client.workflow.count("ExecutionStatus='Running'");
    return count === 0;
  });
});

test('a full worker, and one of another version, are warnings', () => {
  const worker = { identity: '1@host bctrl-temporal/0.0.1', agoMs: 1_000 };
  const state = {
    version: '0.0.1',
    apiKey: {},
    activities: { running: 499, limit: 500 },
    requests: { inFlight: 32, limit: 32 },
  };
  const other = checkWorkerState({ ...worker, state }, []);
  assert.match(
    other.message,
    /^1@host: version 0\.0\.1, key accepted, 499 of 500 activity slots, 32 of 32 requests; this is version /,
  );
  assert.equal(other.isWarning, true);
  const full = checkWorkerState(
    { ...worker, state: { ...state, activities: { running: 500, limit: 500 } } },
    [],
  );
  assert.match(full.message, /, 500 of 500 activity slots, .*; it is full: start more workers$/);
  assert.equal(full.isWarning, true);
});
