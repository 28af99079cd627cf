import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import type { FaultRule } from '../../src/testing.js';
import { useDevServer } from '../support/dev-server.js';
import {
  type ProcessResult,
  type RunningProcess,
  runExecutable,
  startExecutable,
} from '../support/executable.js';
import { API_KEY, startTestGateway } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';

const temporal = useDevServer();

/** A gateway, the built worker and the built starter, on their own task queue. */
async function setUp(
  t: TestContext,
  { faults = [], worker = true }: { faults?: FaultRule[]; worker?: boolean } = {},
) {
  const gateway = await startTestGateway(t, { faults });
  const env = {
    TEMPORAL_ADDRESS: temporal.address,
    BCTRL_TASK_QUEUE: gateway.runtimeId,
    BCTRL_TEMPORAL_UI_URL: 'http://ui.example',
  };
  if (worker) {
    const running = startExecutable(t, 'worker', [], {
      ...env,
      BCTRL_API_KEY: API_KEY,
      BCTRL_BASE_URL: gateway.url,
    });
    await waitFor('the worker to poll', () => running.stderr().includes('worker polls task queue'));
  }
  const starter = (...argv: string[]): Promise<ProcessResult> => runExecutable(t, 'starter', argv, env);
  const startStarter = (...argv: string[]): RunningProcess => startExecutable(t, 'starter', argv, env);
  return { gateway, starter, startStarter, runtimeId: gateway.runtimeId };
}

test('start --wait waits for the job and collects its files byte for byte, through faults', async (t) => {
  const faults: FaultRule[] = [
    { operation: 'collect', runtimePath: 'a.bin', times: 1, fault: { kind: 'drop-response' } },
    { operation: 'collect', runtimePath: 'b.txt', times: 1, fault: { kind: 'respond', status: 503 } },
  ];
  const { gateway, starter, runtimeId } = await setUp(t, { faults });
  const contents = new Map([
    ['a.bin', Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256))],
    ['b.txt', Buffer.from('b')],
    ['deep/er/c ü.txt', Buffer.alloc(0)],
  ]);
  for (const [path, content] of contents) await gateway.addFile(path, content);
  const { id } = await gateway.createInvocation({ runtimeId, durationMs: 1_500 });

  const argv = ['start', runtimeId, ...contents.keys(), '--invocation', id, '--wait'];
  const { code, stdout, stderr } = await starter(...argv);

  assert.equal(code, 0, stderr);
  assert.match(stdout, /^job {8}\S+ succeeded\ncollected {2}a\.bin +100\.0 kB {2}\/runs\//);
  assert.match(stdout, /3 of 3 files collected \(100\.0 kB\)\n$/);
  assert.match(
    stderr,
    /^started post-run\/\S+\nhttp:\/\/ui\.example\/namespaces\/default\/workflows\/post-run%2F/,
  );
  assert.match(stderr, /attempt 2 in \d\.\d s after upstream: b\.txt: .* returned 503/);
  const { files } = gateway.snapshot();
  assert.equal(files.length, contents.size);
  for (const { path, runtimePath } of files) {
    const copy = await readFile(join(gateway.storageDir, 'files', path));
    assert.deepEqual(copy, contents.get(runtimePath ?? ''), `${runtimePath}`);
  }

  await t.test('result shows the report of start --wait', async () => {
    const workflowId = `post-run/${runtimeId}/${id}`;
    assert.equal((await starter('result', workflowId)).stdout, stdout);
    const json = JSON.parse((await starter('result', workflowId, '--json')).stdout);
    assert.deepEqual([json.workflowId, json.status], [workflowId, 'completed']);
    assert.deepEqual((json.result as PipelineReport).counts, {
      files: 3,
      collected: 3,
      kept: 0,
      missing: 0,
      skipped: 0,
      failed: 0,
    });
  });

  await t.test('a second start shows the report and collects nothing', async () => {
    const collects = gateway.snapshot().requests.collect;
    const again = await starter(...argv);
    assert.deepEqual([again.code, again.stdout], [0, stdout]);
    assert.match(again.stderr, /^already ended \(--again runs it again\): post-run/);
    assert.equal(gateway.snapshot().requests.collect, collects);
  });

  await t.test('start --again runs the pipeline again', async () => {
    const again = await starter(...argv, '--again');
    assert.equal(again.code, 1, 'the paths in the storage are taken by the first run');
    assert.match(again.stdout, /^failed {5}conflict ×3: 409 storage_file\.path_exists: .*, e\.g\. a\.bin$/m);
  });
});

test('a missing file fails the pipeline, and the other file is collected', async (t) => {
  const { gateway, starter, runtimeId } = await setUp(t);
  await gateway.addFile('a.txt');
  const { code, stdout, stderr } = await starter('start', runtimeId, 'a.txt', 'missing.txt', '--wait');
  assert.equal(code, 1);
  assert.match(stdout, /^collected {2}a\.txt /);
  assert.match(
    stdout,
    /\nfailed {5}not_found: missing\.txt: POST \S+ returned 404 file\.not_found.*\n +request: req_/,
  );
  assert.match(stdout, /\n1 of 2 files collected \(5 B\), 1 failed\n$/);
  assert.match(
    stderr,
    /\nfailed: 1 of 2 files could not be collected\nnext step {2}fix the cause, then run {2}bctrl-temporal rerun post-run\/\S+\n$/,
  );
  assert.equal(gateway.snapshot().requests.collect, 2, 'not_found is not retried');

  await t.test('result --json prints one document with the report', async () => {
    const { code, stdout } = await starter('start', runtimeId, 'a.txt', 'missing.txt', '--wait', '--json');
    assert.equal(code, 1);
    const { status, failure, result } = JSON.parse(stdout);
    assert.deepEqual([status, failure.type, result.counts.failed], ['failed', 'PipelineFailed', 1]);
  });
});

test('collect collects one file to the given path', async (t) => {
  const { gateway, starter, runtimeId } = await setUp(t);
  await gateway.addFile('a.txt', 'hello');
  const argv = ['collect', runtimeId, 'a.txt', '--to', '/reports/a.txt'];
  const { code, stdout } = await starter(...argv);
  assert.deepEqual([code, stdout], [0, 'collected  a.txt  5 B  /reports/a.txt\n']);
  const json = JSON.parse((await starter(...argv, '--json')).stdout);
  assert.equal(json.result.path, '/reports/a.txt');
  assert.equal(gateway.snapshot().requests.collect, 1);
});

describe('while a pipeline runs', () => {
  const slow: FaultRule[] = [{ operation: 'collect', fault: { kind: 'respond', status: 503 } }];

  test('start without --wait prints the workflow id, and a second start attaches', async (t) => {
    const { starter, runtimeId } = await setUp(t, { faults: slow });
    const first = await starter('start', runtimeId, 'a.txt');
    assert.equal(first.code, 0);
    const workflowId = first.stdout.trim();
    const second = await starter('start', runtimeId, 'a.txt', '--json');
    assert.match(second.stderr, /^attached to post-run/);
    assert.deepEqual(JSON.parse(second.stdout), {
      workflowId,
      uiLink: `http://ui.example/namespaces/default/workflows/${encodeURIComponent(workflowId)}`,
      status: 'running',
      isNew: false,
    });
  });

  test('--timeout ends the wait with exit code 4', async (t) => {
    const { starter, runtimeId } = await setUp(t, { faults: slow });
    const { code, stdout, stderr } = await starter('start', runtimeId, 'a.txt', '--wait', '--timeout', '1s');
    assert.deepEqual([code, stdout], [4, '0 of 1 files collected (0 B)\n']);
    assert.match(stderr, /\nStill running\. Reattach with: bctrl-temporal watch post-run\/\S+\n$/);
  });

  test('Ctrl-C ends the wait with exit code 130, and the pipeline continues', async (t) => {
    const { gateway, starter, startStarter, runtimeId } = await setUp(t, { faults: slow });
    await gateway.addFile('a.txt');
    const waiting = startStarter('start', runtimeId, 'a.txt', '--wait');
    await waitFor('the second attempt to be announced', () => waiting.stderr().includes('attempt 2 in'));
    waiting.child.kill('SIGINT');
    const { code, stderr } = await waiting.ended;
    assert.equal(code, 130);
    const [, workflowId = ''] =
      /Interrupted\. Still running\. Reattach with: bctrl-temporal watch (\S+)\n$/.exec(stderr) ?? [];
    gateway.setFaults([]);
    assert.equal((await starter('result', workflowId)).code, 0);
  });

  test('the report of a cancelled pipeline is shown', async (t) => {
    const locked: FaultRule[] = [
      { operation: 'collect', runtimePath: 'b.txt', fault: { kind: 'respond', status: 503 } },
    ];
    const { gateway, starter, startStarter, runtimeId } = await setUp(t, { faults: locked });
    await gateway.addFile('a.txt');
    const waiting = startStarter('start', runtimeId, 'a.txt', 'b.txt', '--wait');
    await waitFor('the first file to be counted', () =>
      waiting.stderr().includes('collecting: 1 of 2 files'),
    );
    const [, workflowId = ''] = /^started (\S+)/.exec(waiting.stderr()) ?? [];
    await temporal.client.workflow.getHandle(workflowId).cancel();
    const { code, stdout, stderr } = await waiting.ended;
    assert.equal(code, 1);
    assert.match(stdout, /^collected {2}a\.txt .*\nskipped {4}b\.txt {2}the pipeline was cancelled/);
    assert.match(stdout, /\n1 of 2 files collected \(5 B\), 1 skipped\n$/);
    assert.match(
      stderr,
      /\ncancelled: the workflow was cancelled\nnext step {2}to collect the rest, run {2}bctrl-temporal rerun post-run\/\S+\n$/,
    );
    const json = JSON.parse((await starter('result', workflowId, '--json')).stdout);
    assert.deepEqual([json.status, json.result.outcome], ['cancelled', 'cancelled']);
  });

  test('a missing worker is reported', async (t) => {
    const { starter, runtimeId } = await setUp(t, { worker: false });
    const { code, stderr } = await starter('start', runtimeId, 'a.txt', '--wait', '--timeout', '5s');
    assert.equal(code, 4);
    assert.match(stderr, new RegExp(`\\nno worker polls task queue "${runtimeId}"`));
  });
});
