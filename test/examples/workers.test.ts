import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { FaultRule } from 'bctrl-temporal/testing';
import { useDevServer } from '../support/dev-server.js';
import { startTestGateway } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';
import {
  endExample,
  runExample,
  type Servers,
  startExample,
  startWorker,
  storedFiles,
} from './example-process.js';

const temporal = useDevServer();

async function setUp(t: TestContext, paths: readonly string[], faults: FaultRule[] = []) {
  const gateway = await startTestGateway(t, { faults });
  await gateway.writeFiles(gateway.runtimeId, Object.fromEntries(paths.map((path) => [path, path])));
  const servers: Servers = { temporal, gateway };
  return { gateway, runtimeId: gateway.runtimeId, servers };
}

/** The API is down at first, and then a response is lost. */
const faults: FaultRule[] = [
  { operation: 'collect', times: 1, fault: { kind: 'respond', status: 503 } },
  { operation: 'collect', times: 1, fault: { kind: 'drop-response' } },
];

test('existing-worker: its old workflow runs, and a new one has an activity of its own and one of the plugin', async (t) => {
  const { servers, runtimeId, gateway } = await setUp(t, ['prices.csv'], faults);
  const worker = await startWorker(t, servers, 'existing-worker');
  const execute = (type: string, arg: string) =>
    temporal.client.workflow.execute(type, { taskQueue: 'shop', workflowId: type, args: [arg] });
  await execute('greet', 'Ada');
  const id = await execute('storePrices', runtimeId);
  await endExample(worker);
  assert.equal(worker.stdout(), `Hello, Ada\nThe prices are stored as ${id}\n`);
  assert.deepEqual(
    gateway.snapshot().files.map(({ id, runtimePath }) => [id, runtimePath]),
    [[id, 'prices.csv']],
  );
});

describe('own-workflow:', () => {
  for (const { what, paths } of [
    { what: 'a job with a log', paths: ['agent.log', 'results.csv'] },
    { what: 'a job without a log', paths: ['results.csv'] },
  ]) {
    test(`${what} has its files stored once, although it is started twice`, async (t) => {
      const { servers, runtimeId, gateway } = await setUp(t, paths, faults);
      const job = await gateway.createInvocation({ runtimeId, durationMs: 500, status: 'failed' });
      const worker = await startWorker(t, servers, 'own-workflow');
      const start = () => runExample(t, servers, 'own-workflow/client.ts', runtimeId, job.id);
      const [first, second] = await Promise.all([start(), start()]);
      await endExample(worker);
      assert.equal(first, second);
      const ids = new Map(gateway.snapshot().files.map(({ id, runtimePath }) => [runtimePath, id]));
      assert.deepEqual([...ids.keys()].sort(), paths);
      const log = ids.get('agent.log');
      assert.deepEqual(JSON.parse(first), {
        status: 'failed',
        results: ids.get('results.csv'),
        ...(log !== undefined && { log }),
      });
    });
  }

  test('any other failure than a missing log fails the workflow', async (t) => {
    const refused: FaultRule = {
      operation: 'collect',
      runtimePath: 'agent.log',
      fault: { kind: 'respond', status: 403 },
    };
    const { servers, runtimeId, gateway } = await setUp(t, ['agent.log', 'results.csv'], [refused]);
    const job = await gateway.createInvocation({ runtimeId, durationMs: 0 });
    const worker = await startWorker(t, servers, 'own-workflow');
    const client = await startExample(t, servers, 'own-workflow/client.ts', runtimeId, job.id).ended;
    await endExample(worker);
    assert.equal(client.code, 1);
    assert.match(client.stderr, /WorkflowFailedError[\s\S]+capability_denied/);
  });
});

test('downstream-workflow: the workflow after the pipeline gets the ids of what was stored', async (t) => {
  const { servers, runtimeId, gateway } = await setUp(t, ['a.csv', 'b.csv'], faults);
  const worker = await startWorker(t, servers, 'downstream-workflow');
  const printed = await runExample(t, servers, 'downstream-workflow/client.ts', runtimeId, 'a.csv', 'b.csv');
  await endExample(worker);
  assert.equal(printed, '2 files collected\n2 files imported\n');
  const stored = gateway.snapshot().files.map(({ id }) => `imported ${id}`);
  assert.deepEqual(worker.stdout().trim().split('\n').sort(), stored.sort());
  assert.equal(stored.length, 2);
});

test('nightly-schedule: each night is stored at a path of its own', async (t) => {
  const { servers, runtimeId } = await setUp(t, ['prices.csv'], faults);
  const worker = await startWorker(t, servers, 'nightly-schedule');
  await runExample(t, servers, 'nightly-schedule/create-schedule.ts', runtimeId);
  const schedule = temporal.client.schedule.getHandle('nightly-prices');
  const { info } = await schedule.describe();
  const [next] = info.nextActionTimes;
  assert.match(next?.toISOString() ?? '', /T0[01]:30:00.000Z$/);
  await schedule.backfill({
    start: new Date('2026-03-01T00:00:00Z'),
    end: new Date('2026-03-03T00:00:00Z'),
    overlap: 'ALLOW_ALL',
  });
  const nights: [string, string][] = ['01', '02'].map((day) => ['prices.csv', `/prices/2026-03-${day}.csv`]);
  await waitFor('both nights', () => storedFiles(servers).length === nights.length);
  await endExample(worker);
  assert.deepEqual(storedFiles(servers), nights);
});
