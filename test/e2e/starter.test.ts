import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { exitCodes } from '../../src/exit.js';
import { searchAttributes } from '../../src/shared/search-attributes.js';
import type { FaultRule } from '../../src/testing.js';
import { useDevServer } from '../support/dev-server.js';
import { type ProcessResult, runExecutable } from '../support/executable.js';
import { createTestFolder, startTestGateway } from '../support/gateway.js';
import { runMain } from '../support/run-main.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

const UI_URL = 'http://ui.example';

const temporal = useDevServer();

/** A gateway with two files, a worker process and the starter, on a task queue of their own. */
async function setUp(t: TestContext, { faults = [] as FaultRule[], isWorking = true } = {}) {
  const gateway = await startTestGateway(t, { faults });
  const { runtimeId } = gateway;
  for (const path of ['a.txt', 'b.txt']) await gateway.addFile(path, path);
  const env = {
    TEMPORAL_ADDRESS: temporal.address,
    BCTRL_TASK_QUEUE: runtimeId,
    BCTRL_TEMPORAL_UI_URL: UI_URL,
  };
  const address = temporal.address;
  if (isWorking) await startWorkerProcess(t, { address, gatewayUrl: gateway.url, taskQueue: runtimeId });
  const starter = (...argv: string[]) => runMain(argv, { env });
  return { gateway, runtimeId, env, starter, ...readers(starter) };
}

function readers(starter: (...argv: string[]) => Promise<ProcessResult>) {
  /** The exit code and the JSON document of a command. */
  const json = async (...argv: string[]) => {
    const { stdout, code } = await starter(...argv, '--json');
    return { code, ...JSON.parse(stdout) };
  };
  /** Starts a pipeline and waits until it is held. */
  const startHeld = async (runtimeId: string, ...paths: string[]): Promise<string> => {
    const { workflowId } = await json('start', runtimeId, ...paths, '--on-failure', 'hold');
    await waitForPhase(temporal.client.workflow.getHandle(workflowId), 'held');
    return workflowId;
  };
  return { json, startHeld };
}

const refuse = (status: number, runtimePath?: string): FaultRule => ({
  operation: 'collect',
  fault: { kind: 'respond', status },
  ...(runtimePath !== undefined && { runtimePath }),
});

/** Visibility is eventually consistent. */
async function waitUntilListed(query: string, ...workflowIds: string[]): Promise<void> {
  for (const workflowId of workflowIds) {
    const condition = `WorkflowId = '${workflowId}' AND ${query}`;
    await waitFor(condition, async () => (await temporal.client.workflow.count(condition)).count > 0);
  }
}

function pipelineOf({ pipelines }: { pipelines: { workflowId: string }[] }, workflowId: string) {
  return pipelines.find((pipeline) => pipeline.workflowId === workflowId) as Record<string, unknown>;
}

test('setup registers the search attributes once; without them pipelines run, but list cannot filter', async (t) => {
  const { starter, json, runtimeId } = await setUp(t);
  const { workflowId, code } = await json('start', runtimeId, 'a.txt', '--wait');
  assert.equal(code, exitCodes.done);
  await waitUntilListed(`ExecutionStatus = 'Completed'`, workflowId);
  const plain = pipelineOf(await json('list'), workflowId);
  assert.deepEqual([plain['status'], plain['phase']], ['completed', undefined]);
  const held = await starter('list', '--held');
  assert.deepEqual([held.code, held.stdout], [exitCodes.usage, '']);
  assert.match(
    held.stderr,
    /^bctrl-temporal: the search attributes of pipelines are not registered: run bctrl-temporal setup\n$/,
  );

  const first = await starter('setup');
  assert.equal(first.code, exitCodes.done, first.stderr);
  const names = Object.values(searchAttributes).map(({ name }) => name);
  assert.equal(first.stdout.match(/^Bctrl\w+ +(keyword|int) +registered$/gm)?.length, names.length);
  const again = await starter('setup');
  assert.equal(again.stdout.match(/^Bctrl\w+ +(keyword|int) +already registered$/gm)?.length, names.length);
  assert.deepEqual((await json('setup')).registered, []);

  const other = await json('start', runtimeId, 'b.txt', '--wait');
  await waitUntilListed(`ExecutionStatus = 'Completed'`, other.workflowId);
  const found = pipelineOf(await json('list', '--runtime', runtimeId), other.workflowId);
  const { status, phase, filesCollected, filesFailed } = found;
  assert.deepEqual([status, phase, filesCollected, filesFailed], ['completed', 'done', 1, 0]);
  assert.equal(found['runtimeId'], runtimeId);
});

describe('once the search attributes are registered', () => {
  test('start, status and watch show the retries of a pipeline, then its end', async (t) => {
    const faults = [refuse(503, 'b.txt')];
    const { gateway, starter, json, runtimeId } = await setUp(t, { faults });
    const started = await starter('start', runtimeId, 'a.txt', 'b.txt');
    assert.equal(started.code, exitCodes.done);
    const workflowId = started.stdout.trim();
    const link = `${UI_URL}/namespaces/default/workflows/${encodeURIComponent(workflowId)}`;
    assert.equal(started.stderr, `started ${workflowId}\n${link}\n`);

    const attached = await json('start', runtimeId, 'a.txt', 'b.txt');
    assert.deepEqual([attached.workflowId, attached.isNew], [workflowId, false]);
    const reordered = await starter('start', runtimeId, 'b.txt', 'a.txt');
    assert.equal(reordered.stdout, started.stdout);
    assert.equal(reordered.stderr, `attached to ${workflowId}\n${link}\n`);
    const other = await json('start', runtimeId, 'b.txt', '--dry-run');
    assert.notEqual(other.workflowId, workflowId, 'other files are another pipeline');

    const status = await waitFor('a pending retry', async () => {
      const shown = await json('status', workflowId);
      return shown.pendingRetries.length > 0 && shown;
    });
    assert.deepEqual([status.code, status.status, status.phase], [0, 'running', 'collecting']);
    assert.equal(status.uiLink, link);
    const [retry] = status.pendingRetries;
    assert.match(retry.reason, /^upstream: b\.txt: POST .* returned 503/);
    assert.ok(retry.attempt >= 2 && retry.inMs >= 0);
    const { code, stdout } = await starter('status', workflowId);
    assert.equal(code, exitCodes.done);
    assert.match(
      stdout,
      new RegExp(`^pipeline {3}${workflowId}\nstatus {5}running, collecting\nstarted {4}\\S+, .* ago\n`),
    );
    assert.match(stdout, /\n1 of 2 files collected \(5 B\)\n/);
    assert.match(stdout, /\nUI {9}http:\/\/ui\.example\//);

    const late = await starter('watch', workflowId, '--timeout', '1s');
    assert.equal(late.code, exitCodes.running);
    assert.match(
      late.stderr,
      /^( {2}attempt \d+ in .* after upstream: .*\n)?collecting: 1 of 2 files, 5 B\n/,
    );
    assert.match(late.stderr, /Still running\. Reattach with: bctrl-temporal watch /);

    gateway.setFaults([]);
    const watched = await starter('watch', workflowId);
    assert.equal(watched.code, exitCodes.done, watched.stderr);
    assert.match(watched.stdout, /\n2 of 2 files collected \(10 B\)\n$/);
    const ended = await starter('status', workflowId);
    assert.match(ended.stdout, /\nstatus {5}completed\n/);
    const result = await starter('result', workflowId);
    assert.deepEqual([result.stdout, result.stderr], [watched.stdout, '']);
    assert.equal((await json('result', workflowId)).result.counts.collected, 2);
    assert.equal((await json('watch', workflowId)).result.counts.collected, 2);
  });

  test('a second start of the same job with a different input says that the first input stays in effect', async (t) => {
    const { gateway, starter, runtimeId } = await setUp(t);
    const { id } = await gateway.createInvocation({ runtimeId, durationMs: 60_000 });
    const first = await starter('start', runtimeId, 'a.txt', '--invocation', id);
    assert.doesNotMatch(first.stderr, /different input/);
    const same = await starter('start', runtimeId, 'a.txt', '--invocation', id);
    assert.match(same.stderr, /^attached to /);
    assert.doesNotMatch(same.stderr, /different input/);
    const other = await starter('start', runtimeId, 'b.txt', '--invocation', id);
    assert.equal(other.stdout, first.stdout);
    assert.match(
      other.stderr,
      /\nthe workflow was started with a different input, which stays in effect \(see add-files\)\n/,
    );
  });

  test('a held pipeline is listed, described, resumed and abandoned', async (t) => {
    const { gateway, starter, json, startHeld, runtimeId } = await setUp(t, {
      faults: [refuse(401)],
    });
    const [one, two, three] = [
      await startHeld(runtimeId, 'a.txt'),
      await startHeld(runtimeId, 'b.txt'),
      await startHeld(runtimeId, 'a.txt', 'b.txt'),
    ];
    await waitUntilListed(`BctrlPhase = 'held'`, one, two, three);
    const held = pipelineOf(await json('list', '--held'), three);
    assert.deepEqual([held['status'], held['phase'], held['filesFailed']], ['running', 'held', 2]);
    const list = await starter('list', '--held', '--runtime', runtimeId, '--limit', '2');
    assert.match(
      list.stdout,
      /^STATUS +COLLECTED +FAILED +STARTED +REASON +WORKFLOW ID\n(held +0 +\d +\d.* ago +unauthorized(:| ×2:) 401 auth\.required: .* post-run\/\S+\n){2}$/,
    );
    assert.equal(list.stderr, '2 of 3 pipelines (raise --limit): 2 held\n');

    const status = await starter('status', one);
    assert.match(status.stdout, /\nstatus {5}running, held\n/);
    assert.match(status.stdout, /\nfailed {5}unauthorized: a\.txt: .* returned 401 .*\n {11}request: req_/);
    const resume = `held: fix the cause, then run this (or abandon)  bctrl-temporal resume ${one}\n`;
    assert.ok(status.stdout.endsWith(`\nnext step  ${resume}`), status.stdout);
    const waited = await starter('result', one, '--timeout', '1s');
    assert.equal(waited.code, exitCodes.running);
    assert.match(waited.stderr, /^Held\. Reattach with: /);

    const asked = await starter('resume', '--all-held');
    assert.equal(asked.code, exitCodes.usage);
    assert.match(asked.stderr, /resume 3 pipelines\? Without a terminal, confirm with --yes/);
    const again = await json('resume', one);
    assert.deepEqual(again.pipelines, [{ workflowId: one, outcome: 'resumed', files: 1, jobs: 0 }]);
    await waitForPhase(temporal.client.workflow.getHandle(one), 'held');

    const other = await starter('resume', two, '--path', 'a.txt');
    assert.equal(other.code, exitCodes.usage);
    assert.match(other.stdout, /^refused {2}post-run\/\S+ {2}"a\.txt" is not among the failed files\n$/);

    const abandoned = await starter('abandon', three);
    assert.deepEqual(
      [abandoned.code, abandoned.stdout],
      [0, `abandoned  ${three}  2 files left uncollected\n`],
    );
    const ended = await starter('result', three);
    assert.equal(ended.code, exitCodes.failed);
    assert.equal(
      ended.stderr,
      `failed: abandoned: 2 of 2 files could not be collected\nnext step  fix the cause, then run  bctrl-temporal rerun ${three}\n`,
    );
    const { pipelines } = await json('abandon', three);
    assert.deepEqual(pipelines, [
      { workflowId: three, outcome: 'refused', message: 'already ended: failed' },
    ]);
    await waitUntilListed(`ExecutionStatus = 'Failed'`, three);
    const failed = pipelineOf(await json('list', '--failed', '--runtime', runtimeId), three);
    assert.deepEqual([failed['status'], failed['filesFailed']], ['failed', 2]);

    gateway.setFaults([]);
    await waitUntilListed(`BctrlPhase = 'held'`, one, two);
    assert.ok(pipelineOf(await json('list', '--phase', 'held', '--running'), one));
    const all = await starter('resume', '--all-held', '--yes');
    assert.equal(all.code, exitCodes.done, all.stderr);
    assert.equal(all.stdout.match(/^resumed {2}post-run\/\S+ {2}1 file$/gm)?.length, 2);
    for (const id of [one, two]) assert.equal((await starter('result', id)).code, exitCodes.done);
  });

  test('add-files and job-finished reach a waiting pipeline and are refused for an ended one', async (t) => {
    const { starter, json, runtimeId } = await setUp(t);
    const { workflowId } = await json('start', runtimeId, 'a.txt', '--signal');
    await waitForPhase(temporal.client.workflow.getHandle(workflowId), 'waiting');
    const added = await starter('add-files', workflowId, 'b.txt', 'a.txt');
    assert.deepEqual([added.code, added.stdout], [0, `added  ${workflowId}  1 file, 1 already listed\n`]);
    const more = await json('add-files', workflowId, 'late.txt', '--if-missing', 'warn');
    assert.deepEqual(more.pipelines, [{ workflowId, outcome: 'added', added: 1, known: 0 }]);
    const signalled = await starter('job-finished', workflowId);
    assert.deepEqual([signalled.code, signalled.stdout], [0, `signalled  ${workflowId}\n`]);
    const { result } = await json('result', workflowId);
    assert.deepEqual([result.counts.collected, result.counts.missing], [2, 1]);

    const other = await json(
      'start',
      runtimeId,
      'b.txt',
      '--if-exists',
      'keep',
      '--on-failure',
      'hold',
      '--signal',
    );
    const lost = await json('job-finished', other.workflowId, '--invocation', 'nope');
    assert.deepEqual(lost.pipelines, [{ workflowId: other.workflowId, outcome: 'signalled' }]);
    await waitForPhase(temporal.client.workflow.getHandle(other.workflowId), 'held');
    for (const [argv, message] of [
      [['job-finished', workflowId], 'already ended: completed'],
      [['add-files', workflowId, 'c.txt'], 'already ended: completed'],
    ] as const) {
      const { code, pipelines } = await json(...argv);
      assert.deepEqual([code, pipelines[0].message], [exitCodes.usage, message]);
    }
  });

  test('cancel ends a pipeline, or all pipelines of a runtime', async (t) => {
    const { starter, json, runtimeId } = await setUp(t);
    const start = async (path: string): Promise<string> => {
      const { workflowId } = await json('start', runtimeId, path, '--signal');
      await waitForPhase(temporal.client.workflow.getHandle(workflowId), 'waiting');
      return workflowId;
    };
    const [one, two, three] = [await start('a.txt'), await start('b.txt'), await start('c.txt')];
    const cancelled = await starter('cancel', one);
    assert.deepEqual([cancelled.code, cancelled.stdout], [0, `cancelling  ${one}\n`]);
    const result = await json('result', one);
    assert.deepEqual([result.code, result.status], [exitCodes.failed, 'cancelled']);
    await waitUntilListed(`ExecutionStatus = 'Running'`, two, three);
    const { code, pipelines } = await json('cancel', '--runtime', runtimeId, '--yes');
    assert.equal(code, exitCodes.done);
    assert.ok(
      [two, three].every((id) => pipelines.some((each: { workflowId: string }) => each.workflowId === id)),
    );
    const unknown = await starter('cancel', 'post-run/nobody');
    assert.equal(unknown.code, exitCodes.usage);
    assert.match(
      unknown.stdout,
      /^refused {2}post-run\/nobody {2}there is no workflow with the id "post-run\/nobody"\n$/,
    );
  });

  test('rerun retries only the files that a failed pipeline did not collect', async (t) => {
    const { gateway, starter, json, runtimeId } = await setUp(t, { faults: [refuse(403, 'b.txt')] });
    const failed = await starter('start', runtimeId, 'a.txt', 'b.txt', '--wait');
    assert.equal(failed.code, exitCodes.failed);
    const [, workflowId = ''] = /^started (\S+)/.exec(failed.stderr) ?? [];
    const plan = await json('rerun', workflowId, '--dry-run');
    assert.deepEqual([plan.workflowId, plan.input.files], [workflowId, [{ runtimePath: 'b.txt' }]]);
    const human = await starter('rerun', workflowId, '--dry-run');
    assert.match(human.stdout, /\nfiles:\n {2}- runtimePath: b\.txt\n/);
    gateway.setFaults([]);
    const rerun = await starter('rerun', workflowId, '--wait');
    assert.equal(rerun.code, exitCodes.done, rerun.stderr);
    assert.match(rerun.stdout, /^collected {2}b\.txt .*\n1 of 1 files collected \(5 B\)\n$/);
    assert.equal(gateway.snapshot().files.length, 2);
    assert.equal(gateway.snapshot().requests.collect, 3);
    const none = await starter('rerun', workflowId);
    assert.equal(none.code, exitCodes.usage);
    assert.match(none.stderr, /the workflow completed; there is nothing to rerun\n$/);
  });

  test('every command that talks to Temporal ends by itself as a process', async (t) => {
    const { env, json, startHeld, runtimeId } = await setUp(t, { faults: [refuse(401)] });
    const startWaiting = async (path: string): Promise<string> => {
      const { workflowId } = await json('start', runtimeId, path, '--signal');
      await waitForPhase(temporal.client.workflow.getHandle(workflowId), 'waiting');
      return workflowId;
    };
    const { workflowId: failed } = await json('start', runtimeId, 'c.txt', '--wait');
    const commands = [
      ['list'],
      ['setup'],
      ['status', failed],
      ['rerun', failed],
      ['resume', await startHeld(runtimeId, 'a.txt')],
      ['abandon', await startHeld(runtimeId, 'b.txt')],
      ['cancel', await startWaiting('d.txt')],
      ['add-files', await startWaiting('e.txt'), 'f.txt'],
      ['job-finished', await startWaiting('g.txt')],
    ];
    const ended = commands.map(async (argv) => {
      const { code, stdout, stderr } = await runExecutable(t, 'starter', argv, env);
      assert.deepEqual([code, stdout !== ''], [exitCodes.done, true], `${argv.join(' ')}: ${stderr}`);
    });
    await Promise.all(ended);
  });

  test('rerun without --wait prints the workflow id', async (t) => {
    const { gateway, json, runtimeId } = await setUp(t);
    const { workflowId } = await json('start', runtimeId, 'late.txt', '--wait');
    await gateway.addFile('late.txt');
    const rerun = await json('rerun', workflowId);
    assert.deepEqual([rerun.code, rerun.workflowId, rerun.status], [0, workflowId, 'running']);
    assert.equal((await json('result', workflowId)).code, exitCodes.done);
  });

  test('collect collects one file; status refuses it, as it is not a pipeline', async (t) => {
    const { starter, json, runtimeId } = await setUp(t);
    const { code, stdout } = await starter('collect', runtimeId, 'a.txt', '--to', '/a.txt');
    assert.deepEqual([code, stdout], [0, 'collected  a.txt  5 B  /a.txt\n']);
    const taken = await json('collect', runtimeId, 'b.txt', '--to', '/a.txt');
    assert.deepEqual([taken.code, taken.failure.type], [exitCodes.failed, 'conflict']);
    const kept = await starter(
      'collect',
      runtimeId,
      'b.txt',
      '--to',
      '/a.txt',
      '--again',
      '--if-exists',
      'keep',
    );
    assert.deepEqual([kept.code, kept.stdout], [0, 'kept  a.txt  5 B  /a.txt\n']);
    const status = await starter('status', taken.workflowId);
    assert.equal(status.code, exitCodes.usage);
    assert.match(status.stderr, /collects a single file and is not a pipeline/);
  });

  test('a spec starts a pipeline', async (t) => {
    const { starter, json, runtimeId } = await setUp(t);
    const file = join(await createTestFolder(t), 'pipeline.yaml');
    await writeFile(
      file,
      `runtimeId: ${runtimeId}\nfiles:\n  - runtimePath: a.txt\n    destinationPath: /x/a.txt\n`,
    );
    const plan = await starter('start', '--spec', file, '--dry-run');
    assert.match(plan.stdout, /^# dry run: nothing was started\n(# .*\n)+runtimeId: /);
    assert.equal((await json('start', '--spec', file, '--dry-run')).workflowType, 'postRunPipeline');
    const { code, result } = await json('start', '--spec', file, '--wait');
    assert.deepEqual([code, result.files[0].path], [0, '/x/a.txt']);
  });

  test('rerun of a pipeline that ended before a worker had it says to start it again', async (t) => {
    const { json, starter, runtimeId } = await setUp(t, { isWorking: false });
    const { workflowId } = await json('start', runtimeId, 'a.txt');
    await temporal.client.workflow.getHandle(workflowId).terminate();
    assert.deepEqual(await starter('rerun', workflowId), {
      code: exitCodes.usage,
      stdout: '',
      stderr: 'bctrl-temporal: the pipeline never began to collect; start it again instead\n',
    });
  });

  test('without a worker a command that needs one says so', async (t) => {
    const { starter, json, runtimeId } = await setUp(t, { isWorking: false });
    const { workflowId } = await json('start', runtimeId, 'a.txt');
    const resumed = await starter('resume', workflowId);
    assert.equal(resumed.code, exitCodes.unreachable);
    assert.match(
      resumed.stdout,
      /^unknown {2}\S+ {2}no worker on task queue "\S+" answered within 15 s; the update may have been applied, see bctrl-temporal status \S+\n$/,
    );
    const status = await starter('status', workflowId);
    assert.match(
      status.stdout,
      /\nstatus {5}running, collecting\n.*\nreport {5}unavailable \(no worker answered the query\)\n/,
    );
    assert.match(status.stdout, /\nnext step {2}no worker polls task queue /);
  });
});

test('completion prints a script for bash that completes commands and options', async (t) => {
  const { code, stdout } = await runExecutable(t, 'starter', ['completion', 'bash'], {});
  assert.equal(code, exitCodes.done);
  const file = join(await createTestFolder(t), 'completion.bash');
  await writeFile(file, stdout);
  await promisify(execFile)('bash', ['-n', file]);
  const complete = async (...words: string[]) =>
    (await runExecutable(t, 'starter', ['complete', '--', ...words], {})).stdout;
  assert.match(await complete('re'), /^rerun\t.*\nresult\t.*\nresume\t/m);
  assert.match(await complete('list', '--h'), /^--held\t/m);
});
