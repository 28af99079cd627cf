import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import { useDevServer } from '../support/dev-server.js';
import { type ExecutableName, startProcess } from '../support/executable.js';
import { API_KEY, callApi, createTestFolder, startTestGateway } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';

const FILES = 200;
const MEGABYTE = 2 ** 20;

/** Each is far below what a machine gives a process by default, and what an operator may set. */
const limits = [
  { what: '296 open files', shell: 'ulimit -n 296', node: [] },
  { what: 'a heap of 64 MB', shell: ':', node: ['--max-old-space-size=64'] },
  { what: 'a closed stdout and stderr', shell: 'exec >&- 2>&-', node: [] },
];

const temporal = useDevServer();

/** A shell sets the limit and becomes the executable. */
function startLimited(
  t: TestContext,
  { shell, node }: (typeof limits)[number],
  [name, ...args]: [ExecutableName, ...string[]],
  env: Readonly<Record<string, string>> = {},
) {
  const script = fileURLToPath(new URL(`../../dist/${name}.js`, import.meta.url));
  const command = `${shell}; exec "$0" "$@"`;
  return startProcess(t, 'sh', ['-c', command, process.execPath, ...node, script, ...args], {
    env,
    cwd: '/',
  });
}

describe('an executable works with', { concurrency: true }, () => {
  for (const limit of limits) {
    test(`${limit.what}: a worker collects ${FILES} files, and the CLI prints no stack trace`, async (t) => {
      const gateway = await startTestGateway(t);
      const { runtimeId } = gateway;
      const paths = Array.from({ length: FILES }, (_, index) => `out/${index}.csv`);
      for (const path of paths) await gateway.addFile(path);
      const env = {
        TEMPORAL_ADDRESS: temporal.address,
        BCTRL_TASK_QUEUE: runtimeId,
        BCTRL_BASE_URL: gateway.url,
        BCTRL_API_KEY: API_KEY,
      };
      const worker = startLimited(t, limit, ['worker'], env);
      const starter = startLimited(t, limit, ['starter', 'start', runtimeId, ...paths, '--wait'], env);
      const { code, stdout, stderr } = await starter.ended;
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stdout + stderr + worker.stderr(), /\n {4}at |EMFILE|heap out of memory/);
      const [run] = await list(runtimeId);
      const report: PipelineReport = await temporal.client.workflow.getHandle(run ?? '').result();
      assert.deepEqual([report.counts.collected, gateway.snapshot().files.length], [FILES, FILES]);
      worker.child.kill('SIGTERM');
      assert.equal((await worker.ended).code, 0);
    });
  }

  test('a heap of 64 MB: the gateway collects and lists 10 MB, and exports it as one archive', async (t) => {
    const limit = { what: '', shell: ':', node: ['--max-old-space-size=64'] };
    const { workspaceDir, runtimeId, addFile } = await startTestGateway(t);
    const folders = ['--workspace', workspaceDir, '--storage', await createTestFolder(t), '--port', '0'];
    const limited = startLimited(t, limit, ['gateway', ...folders]);
    const url = await waitFor('the gateway', () => /http:\S+/.exec(limited.stdout())?.[0]);
    const paths = Array.from({ length: 10 }, (_, index) => `out/${index}.bin`);
    let runId = '';
    for (const runtimePath of paths) {
      await addFile(runtimePath, Buffer.alloc(MEGABYTE, runtimePath));
      const path = `/v1/runtimes/${runtimeId}/files/collect`;
      const collected = await callApi(url, 'POST', path, { body: { runtimePath } });
      assert.equal(collected.status, 200);
      runId = collected.body.runId;
    }
    const { body } = await callApi(url, 'GET', '/v1/files');
    assert.equal(body.data.length, paths.length);
    const archive = await callApi(url, 'POST', `/v1/runs/${runId}/files/export`, { body: {} });
    assert.ok(archive.body.sizeBytes > paths.length * MEGABYTE, JSON.stringify(archive.body));
    const downloaded = await fetch(archive.body.downloadUrl);
    const members = unzipSync(new Uint8Array(await downloaded.arrayBuffer()));
    assert.equal(Object.keys(members).length, paths.length);
    for (const { length } of Object.values(members)) assert.equal(length, MEGABYTE);
    assert.equal(limited.stderr(), '');
  });

  test('64 open files: the worker says how many it needs, and the CLI and the gateway work', async (t) => {
    const limit = { what: '', shell: 'ulimit -n 64', node: [] };
    const gateway = await startTestGateway(t);
    const env = {
      TEMPORAL_ADDRESS: temporal.address,
      BCTRL_BASE_URL: gateway.url,
      BCTRL_API_KEY: API_KEY,
    };
    assert.deepEqual(await startLimited(t, limit, ['worker'], env).ended, {
      code: 2,
      stdout: '',
      stderr:
        'bctrl-temporal-worker: the limit of open files is 64, and the worker needs 296 for BCTRL_MAX_REQUESTS=32: raise it (ulimit -n)\n',
    });
    const started = await startLimited(t, limit, ['starter', 'start', gateway.runtimeId, 'a.txt'], env).ended;
    assert.equal(started.code, 0, started.stderr);
    assert.match(started.stdout, /^post-run\//);

    const folder = await createTestFolder(t);
    const folders = ['--workspace', gateway.workspaceDir, '--storage', folder, '--port', '0'];
    const limited = startLimited(t, limit, ['gateway', ...folders]);
    const url = await waitFor('the gateway', () => /http:\S+/.exec(limited.stdout())?.[0]);
    const paths = Array.from({ length: FILES }, (_, index) => `out/${index}.csv`);
    for (const path of paths) await gateway.addFile(path);
    const path = `/v1/runtimes/${gateway.runtimeId}/files/collect`;
    const collect = (runtimePath: string) => callApi(url, 'POST', path, { body: { runtimePath } });
    // More connections at once than it has files: some wait, or are refused.
    const statuses = new Set<number>();
    for (const each of await Promise.allSettled(paths.map(collect))) {
      if (each.status === 'fulfilled') statuses.add(each.value.status);
    }
    assert.ok(
      [...statuses].every((status) => status === 200 || status === 503),
      [...statuses].join(),
    );
    // Idle connections close after seconds.
    for (const each of paths) {
      await waitFor(each, async () => [200, 409].includes((await collect(each)).status));
    }
    const { body } = await callApi(url, 'GET', '/v1/files?limit=100');
    assert.equal(body.data.length, 100);
    assert.equal(limited.stderr(), '');
  });
});

async function list(taskQueue: string): Promise<string[]> {
  return await waitFor('the pipeline to be listed', async () => {
    const ids: string[] = [];
    const query = `TaskQueue = '${taskQueue}'`;
    for await (const { workflowId } of temporal.client.workflow.list({ query })) ids.push(workflowId);
    return ids.length > 0 && ids;
  });
}
