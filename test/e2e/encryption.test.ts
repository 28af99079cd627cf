import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Client } from '@temporalio/client';
import { startPipeline } from '../../src/client.js';
import { createEncryption } from '../../src/create-encryption.js';
import type { EncryptionKey } from '../../src/encryption/key-ring.js';
import { exitCodes } from '../../src/exit.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import { searchAttributes } from '../../src/shared/search-attributes.js';
import type { FaultRule } from '../../src/testing.js';
import { useDevServer } from '../support/dev-server.js';
import { runExecutable, startExecutable } from '../support/executable.js';
import { API_KEY, createTestFolder, startTestGateway } from '../support/gateway.js';
import { storedText } from '../support/stored-text.js';
import { waitFor } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

const createKey = (id: string): EncryptionKey => ({ id, key: randomBytes(32).toString('base64') });
const [K1, K2] = [createKey('k1'), createKey('k2')];

/** What a process without the key says. */
const LACKS_K1 =
  'a payload is encrypted with the key "k1", which this process does not have: add it to BCTRL_ENCRYPTION_KEYS_FILE, or to the keys of createEncryption';
const WRONG_K1 =
  'authentication failed for a payload that is encrypted with the key "k1": this process has another key of that id, or the payload was changed';

const temporal = useDevServer({
  dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': '40' },
  searchAttributes: Object.fromEntries(
    Object.values(searchAttributes).map(({ name, type }) => [name, type === 'INT' ? 'Int' : 'Keyword']),
  ),
});

/** A gateway, and the built worker and starter with any keys. */
async function setUp(t: TestContext) {
  const gateway = await startTestGateway(t);
  const folder = await createTestFolder(t);
  const { address } = temporal;
  const { runtimeId } = gateway;
  const taskQueue = runtimeId;
  const toEnv = async (keys: readonly EncryptionKey[]): Promise<Record<string, string>> => {
    if (keys.length === 0) return {};
    const file = join(folder, `keys-${randomBytes(4).toString('hex')}`);
    await writeFile(file, keys.map(({ id, key }) => `${id}:${key}\n`).join(''), { mode: 0o600 });
    return { BCTRL_ENCRYPTION_KEYS_FILE: file };
  };
  const startWorker = async (...keys: EncryptionKey[]) => {
    const worker = await startWorkerProcess(t, {
      address,
      gatewayUrl: gateway.url,
      taskQueue,
      env: await toEnv(keys),
    });
    const stop = async () => {
      worker.child.kill('SIGKILL');
      await worker.ended;
    };
    return { ...worker, stop };
  };
  const toCliEnv = async (keys: readonly EncryptionKey[]) => ({
    TEMPORAL_ADDRESS: address,
    BCTRL_TASK_QUEUE: taskQueue,
    BCTRL_BASE_URL: gateway.url,
    BCTRL_API_KEY: API_KEY,
    ...(await toEnv(keys)),
  });
  const cli = async (keys: readonly EncryptionKey[], ...argv: string[]) =>
    await runExecutable(t, 'starter', argv, await toCliEnv(keys));
  const run = async (keys: readonly EncryptionKey[], ...argv: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cli(keys, ...argv);
    assert.equal(code, exitCodes.done, stdout + stderr);
    return stdout;
  };
  const start = async (keys: readonly EncryptionKey[], ...argv: string[]): Promise<string> =>
    (await run(keys, 'start', runtimeId, ...argv)).trim();
  const status = async (keys: readonly EncryptionKey[], workflowId: string) =>
    JSON.parse(await run(keys, 'status', workflowId, '--json'));
  const waitUntilHeld = async (keys: readonly EncryptionKey[], workflowId: string) =>
    await waitFor('a held pipeline', async () => (await status(keys, workflowId)).phase === 'held');
  const follow = async (keys: readonly EncryptionKey[], ...argv: string[]) =>
    startExecutable(t, 'starter', argv, await toCliEnv(keys));
  return { gateway, runtimeId, taskQueue, startWorker, cli, run, start, status, waitUntilHeld, follow };
}

const respond = (runtimePath: string, status: number): FaultRule => ({
  operation: 'collect',
  runtimePath,
  fault: { kind: 'respond', status },
});

/** The SDK's own listing would decrypt the memos. */
async function listRuns(query: string): Promise<{ workflowId: string; runId: string }[]> {
  const request = { namespace: 'default', query };
  const { executions } = await temporal.client.workflowService.listWorkflowExecutions(request);
  return executions.map(({ execution }) => ({
    workflowId: execution?.workflowId ?? '',
    runId: execution?.runId ?? '',
  }));
}

/** What the server stores of a workflow: all of its runs, and its description. */
async function readStored(workflowId: string): Promise<string> {
  const { client } = temporal;
  const texts: string[] = [];
  const execution = { workflowId };
  for (const { runId } of await listRuns(`WorkflowId = '${workflowId}'`)) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    texts.push(storedText(history));
  }
  const request = { namespace: 'default', execution };
  texts.push(storedText(await client.workflowService.describeWorkflowExecution(request)));
  return texts.join('');
}

function assertSays(actual: { readonly code: number | null; readonly stderr: string }, line: string): void {
  assert.equal(actual.stderr, `bctrl-temporal: ${line}\n`);
  assert.equal(actual.code, exitCodes.usage);
}

describe('with a key, what Temporal stores', () => {
  test('shows no path, name, id or output of a file, and no failure', async (t) => {
    const { gateway, runtimeId, taskQueue, startWorker, run, start, waitUntilHeld } = await setUp(t);
    const pages = Array.from({ length: 25 }, (_, index) => `pagina/${index}.html`);
    for (const path of ['dossier/alpha.csv', 'dossier/beta.csv', 'dossier/gamma.csv', ...pages]) {
      await gateway.addFile(path);
    }
    const secrets = [
      ...['dossier', 'alpha.csv', 'beta.csv', 'gamma.csv', 'delta.csv', 'pagina', 'ziel', 'vault.zip'],
      ...['geheim-output', 'storage.unavailable', 'file.not_found', 'downloadUrl', 'runtimePath'],
    ];
    await startWorker(K1);
    gateway.setFaults([respond('dossier/alpha.csv', 503), respond('pagina/7.html', 503)]);
    const output = { note: 'geheim-output', files: ['dossier/beta.csv'] };
    const { id } = await gateway.createInvocation({ runtimeId, durationMs: 500, output });
    const connection = temporal.client.connection;
    const client = new Client({ connection, ...createEncryption({ keys: [K1] }) });
    const pipeline = await startPipeline(
      client,
      {
        runtimeId,
        waitFor: { invocationIds: [id] },
        files: [
          { runtimePath: 'dossier/alpha.csv', destinationPath: 'ziel/alpha.csv' },
          { runtimePath: 'dossier/delta.csv' },
          ...pages.map((runtimePath) => ({ runtimePath })),
        ],
        filesFromOutput: '/files',
        batchSize: 5,
        onFailure: 'hold',
        exportArchive: { name: 'vault.zip' },
        next: { workflowType: 'downstream', taskQueue: 'nobody' },
        onClose: { workflowType: 'tell', taskQueue: 'nobody', when: 'always' },
      },
      { taskQueue },
    );
    const { workflowId } = pipeline;
    const request = { namespace: 'default', execution: { workflowId } };
    const stored: string[] = [];
    // A failed attempt, with heartbeat details and the last failure.
    await waitFor('a retry', async () => {
      const description = await temporal.client.workflowService.describeWorkflowExecution(request);
      const retried = description.pendingActivities?.find(
        ({ lastFailure, heartbeatDetails }) => lastFailure && heartbeatDetails,
      );
      if (retried) stored.push(storedText(description));
      return retried;
    });
    assert.match(stored.join(), /Encoded failure/);
    assert.match(stored.join(), /upstream/, 'the class stays readable');
    gateway.setFaults([respond('dossier/alpha.csv', 401)]);
    await waitUntilHeld([K1], workflowId);
    const query = { queryType: '__temporal_workflow_metadata' };
    const answer = await temporal.client.workflowService.queryWorkflow({ ...request, query });
    stored.push(storedText(answer));
    await run([K1], 'add-files', workflowId, 'dossier/gamma.csv');
    gateway.setFaults([]);
    await gateway.addFile('dossier/delta.csv');
    await run([K1], 'resume', workflowId, '--path', 'dossier/alpha.csv', '--path', 'dossier/delta.csv');
    const report: PipelineReport = await pipeline.result();
    assert.equal(report.counts.collected, pages.length + 4);

    const collect = ['collect', runtimeId, 'dossier/beta.csv', '--to', 'ziel/x.csv', '--json'];
    const single = JSON.parse(await run([K1], ...collect));
    const missing = ['dossier/delta.csv', 'dossier/epsilon.csv'];
    const failed = await start([K1], ...missing);
    await client.workflow
      .getHandle(failed)
      .result()
      .catch(() => undefined);
    const { files } = gateway.snapshot();
    const ids = [workflowId, single.workflowId, failed];
    // Visibility lags behind the ends of the pipelines, and then has every run.
    await waitFor('all runs', async () => {
      stored.splice(2, stored.length, ...(await Promise.all(ids.map(readStored))));
      return /continuedExecutionRunId\n[0-9a-f]{8}-/.test(stored.join());
    });
    const children = await waitFor('the workflows that it started', async () => {
      const runs = await listRuns("TaskQueue = 'nobody'");
      return runs.length >= 2 && runs;
    });
    for (const { workflowId: child } of children) stored.push(await readStored(child));
    const text = stored.join('\n');
    assert.match(text, /WORKFLOW_EXECUTION_UPDATE_ACCEPTED|workflowExecutionUpdateAcceptedEventAttributes/);
    assert.match(text, /binary\/encrypted/);
    // Nothing but search attributes is plain.
    const plain = text.match(/json\/plain/g)?.length;
    assert.equal(plain, text.match(/^type\n(Keyword|KeywordList|Int)$/gm)?.length);
    for (const secret of [
      ...secrets,
      'epsilon',
      ...files.flatMap(({ id, runtimePath }) => [id, runtimePath ?? 'dossier']),
    ]) {
      const at = text.indexOf(secret);
      assert.equal(at, -1, `${secret}: ${text.slice(Math.max(at - 300, 0), at + 100)}`);
    }
    // The same text without a key is what the scan would find.
    const plainId = `plain/${runtimeId}`;
    await startPipeline(
      temporal.client,
      { runtimeId, files: [{ runtimePath: 'dossier/alpha.csv' }] },
      { taskQueue, workflowId: plainId },
    );
    assert.match(await readStored(plainId), /dossier\/alpha\.csv/);
  });
});

describe('a pipeline that is held', () => {
  test('under an old key is resumed by a worker with a new one and the old one', async (t) => {
    const { gateway, startWorker, start, run, waitUntilHeld } = await setUp(t);
    const first = await startWorker(K1);
    const workflowId = await start([K1], 'late.csv', '--on-failure', 'hold');
    await waitUntilHeld([K1], workflowId);
    await first.stop();
    await gateway.addFile('late.csv');
    const both = [K2, K1];
    await startWorker(...both);
    await run(both, 'resume', workflowId);
    assert.match(await run(both, 'result', workflowId), /1 of 1 files collected/);
    const stored = await readStored(workflowId);
    assert.deepEqual(new Set(stored.match(/^k[12]$/gm)), new Set(['k1', 'k2']));
  });

  test('in plain text goes on encrypted', async (t) => {
    const { gateway, startWorker, start, run, waitUntilHeld } = await setUp(t);
    const first = await startWorker();
    const workflowId = await start([], 'late.csv', '--on-failure', 'hold');
    await waitUntilHeld([], workflowId);
    await first.stop();
    await gateway.addFile('late.csv');
    await startWorker(K1);
    await run([K1], 'resume', workflowId);
    assert.match(await run([K1], 'result', workflowId), /1 of 1 files collected/);
    assert.match(await readStored(workflowId), /^k1$/m);
  });

  test('waits for a worker with the key, and loses nothing', async (t) => {
    const { gateway, startWorker, start, run, cli } = await setUp(t);
    await gateway.addFile('a.csv');
    const wrong = await startWorker(K2);
    const workflowId = await start([K1], 'a.csv');
    await waitFor('a failed workflow task', () =>
      wrong.stderr().includes(JSON.stringify(LACKS_K1).slice(1, -1)),
    );
    assert.equal(
      (
        await temporal.client.workflowService.describeWorkflowExecution({
          namespace: 'default',
          execution: { workflowId },
        })
      ).workflowExecutionInfo?.status,
      1,
    );
    const doctor = await cli([K1], 'doctor', '--json');
    assert.equal(doctor.code, exitCodes.usage);
    const checks: { name: string; message: string }[] = JSON.parse(doctor.stdout).checks;
    const messageOf = (name: string) => checks.find((check) => check.name === name)?.message ?? '';
    assert.match(messageOf('encryption'), /^encrypts with k1 \([0-9a-f]{8}\)$/);
    assert.match(
      messageOf('worker'),
      /^\d+@\S+: it has the encryption keys k2 \([0-9a-f]{8}\), which this process has not; it lacks the encryption keys k1 \([0-9a-f]{8}\) of this process: give both the same BCTRL_ENCRYPTION_KEYS_FILE, and restart the worker$/,
    );
    await wrong.stop();
    await startWorker(K2, K1);
    assert.match(await run([K1, K2], 'result', workflowId), /1 of 1 files collected/);
    const healthy = await cli([K1, K2], 'doctor', '--json');
    assert.equal(healthy.code, exitCodes.done, healthy.stdout);
  });
});

describe('without the key, and with a wrong one', () => {
  for (const [what, keys, problem] of [
    ['no key', [], LACKS_K1],
    ['another key', [K2], LACKS_K1],
    ['a wrong key of that id', [{ ...K2, id: 'k1' }], WRONG_K1],
  ] as const) {
    test(`each command says so in one line: ${what}`, async (t) => {
      const { startWorker, start, cli, run, waitUntilHeld, runtimeId } = await setUp(t);
      await startWorker(K1);
      const workflowId = await start([K1], 'a.csv', '--on-failure', 'hold');
      await waitUntilHeld([K1], workflowId);
      const failed = await start([K1], 'b.csv');
      assert.equal((await cli([K1], 'result', failed)).code, exitCodes.failed);
      const commands = [
        ['status', workflowId],
        ['status', failed],
        ['watch', workflowId],
        ['result', workflowId],
        ['result', failed, '--json'],
        ['result', failed, '--files'],
        ['list', '--running'],
        ['rerun', '--all-failed', '--yes'],
        ['start', runtimeId, 'b.csv', '--wait'],
      ];
      for (const argv of commands) assertSays(await cli(keys, ...argv), problem);
      for (const argv of [
        ['resume', workflowId],
        ['rerun', failed, '--dry-run'],
      ]) {
        const { code, stdout, stderr } = await cli(keys, ...argv);
        assert.equal(code, exitCodes.usage);
        assert.ok((stdout + stderr).includes(problem), stdout + stderr);
      }
      assert.equal((await run([K1], 'status', workflowId)).includes('held'), true);
    });
  }
});

describe('a pipeline that was started in plain text, and is read without the key', () => {
  test('has a progress and a result that cannot be read, and updates with an unknown outcome', async (t) => {
    const { gateway, startWorker, start, cli, follow, waitUntilHeld, status } = await setUp(t);
    await startWorker(K1);
    const workflowId = await start([], 'a.csv', '--on-failure', 'hold');
    await waitUntilHeld([K1], workflowId);
    assertSays(await cli([], 'status', workflowId), LACKS_K1);
    assertSays(await cli([], 'watch', workflowId), LACKS_K1);
    await gateway.addFile('a.csv');
    const resumed = await cli([], 'resume', workflowId);
    const text = `its response cannot be read: ${LACKS_K1}; the update may have been applied, see bctrl-temporal status ${workflowId}`;
    assert.equal(resumed.stdout, `unknown  ${workflowId}  ${text}\n`);
    assert.deepEqual([resumed.code, resumed.stderr], [exitCodes.unreachable, '']);
    await waitFor('its end', async () => (await status([K1], workflowId)).status === 'completed');

    const waiting = await (await follow([], 'start', gateway.runtimeId, 'c.csv', '--wait')).ended;
    assert.equal(waiting.code, exitCodes.usage);
    assert.ok(waiting.stderr.endsWith(`bctrl-temporal: ${LACKS_K1}\n`), waiting.stderr);
  });
});
