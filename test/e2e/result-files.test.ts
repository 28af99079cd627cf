import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { exitCodes } from '../../src/exit.js';
import type { FaultRule, GatewayOptions } from '../../src/testing.js';
import { useDevServer } from '../support/dev-server.js';
import { runExecutable } from '../support/executable.js';
import { API_KEY, startTestGateway } from '../support/gateway.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

const FILES = 2_200;

/** Few enough for a pipeline of so many files to continue as new. */
const SUGGEST_CONTINUE_AS_NEW_EVENTS = 30;

const temporal = useDevServer({
  dynamicConfig: {
    'limit.historyCount.suggestContinueAsNew': String(SUGGEST_CONTINUE_AS_NEW_EVENTS),
  },
});

/** A line of `result --files`. */
interface Line {
  readonly fileId: string;
  readonly runtimePath?: string;
  readonly duplicateOf?: string;
}

/** A gateway with files, a worker process and the CLI's executable, on a task queue of their own. */
async function setUp(
  t: TestContext,
  paths: readonly string[],
  { env = {}, ...options }: GatewayOptions & { env?: Readonly<Record<string, string>> } = {},
) {
  const gateway = await startTestGateway(t, options);
  const { runtimeId, url: gatewayUrl } = gateway;
  await gateway.writeFiles(runtimeId, Object.fromEntries(paths.map((path) => [path, path])));
  const { address } = temporal;
  await startWorkerProcess(t, { address, gatewayUrl, taskQueue: runtimeId, env });
  const cliEnv = {
    TEMPORAL_ADDRESS: address,
    BCTRL_TASK_QUEUE: runtimeId,
    BCTRL_BASE_URL: gatewayUrl,
    BCTRL_API_KEY: API_KEY,
    ...env,
  };
  const cli = (...argv: string[]) => runExecutable(t, 'starter', argv, cliEnv);
  return {
    gateway,
    runtimeId,
    cli,
    /** The exit code of `result --files`, and its lines. */
    async result(workflowId: string, ...argv: string[]) {
      const { code, stdout, stderr } = await cli('result', workflowId, '--files', ...argv);
      const lines: Line[] = stdout.split('\n').flatMap((line) => (line === '' ? [] : JSON.parse(line)));
      return { code, lines, stdout, stderr };
    },
  };
}

const byRuntimePath = ({ runtimePath: a = '' }: Line, { runtimePath: b = '' }: Line) => (a < b ? -1 : 1);

test('result --files prints every file and duplicate of 2,200, across a continue-as-new', {
  timeout: 280_000,
}, async (t) => {
  const paths = Array.from({ length: FILES }, (_, index) => `out/${index}.csv`);
  // Responses are lost, and the list lags by more than a retry waits for it.
  const lost: FaultRule = { operation: 'collect', skip: 500, times: 60, fault: { kind: 'drop-response' } };
  const env = { BCTRL_LIST_SETTLE_TIME: '1s', BCTRL_MAX_REQUESTS: '100' };
  const { gateway, runtimeId, result } = await setUp(t, paths, {
    onPathExists: 'keep-both',
    listLagMs: 2_500,
    faults: [lost],
    env,
  });
  const files = paths.map((runtimePath) => ({ runtimePath }));
  const started = await temporal.client.workflow.start('postRunPipeline', {
    taskQueue: runtimeId,
    workflowId: `post-run/${runtimeId}/large`,
    args: [{ runtimeId, files, concurrency: 1 }],
  });
  const report = await started.result();
  const { runId } = await started.describe();
  assert.notEqual(runId, started.firstExecutionRunId, 'it continued as new');

  const all = await result(started.workflowId);
  assert.equal(all.code, exitCodes.done, all.stderr);
  const stored = gateway.snapshot().files.map(({ id: fileId, runtimePath }) => ({ fileId, runtimePath }));
  const duplicates = all.lines.filter(({ duplicateOf }) => duplicateOf !== undefined);
  t.diagnostic(
    `${stored.length} files, ${duplicates.length} of them duplicates, ${report.duplicates} reported`,
  );
  assert.ok(stored.length > FILES, 'there are duplicates');
  assert.equal(duplicates.length, stored.length - FILES);
  const listed = all.lines.map(({ fileId, runtimePath }) => `${fileId} ${runtimePath}`);
  assert.deepEqual(
    listed.toSorted(),
    stored.map(({ fileId, runtimePath }) => `${fileId} ${runtimePath}`).toSorted(),
  );
  assert.doesNotMatch(all.stdout, /downloadUrl|token=/);

  const only = await result(started.workflowId, '--duplicates');
  assert.deepEqual(only.lines.toSorted(byRuntimePath), duplicates.toSorted(byRuntimePath));
  const reportedIds = new Set(
    report.files.flatMap((file: object) => ('fileId' in file ? [file.fileId] : [])),
  );
  assert.deepEqual(
    only.lines.filter(({ fileId }) => reportedIds.has(fileId)),
    [],
    'no id of the report would be removed',
  );
});

test('result --files has the files of a pipeline and of its rerun, also when Temporal has deleted them', async (t) => {
  const faults: FaultRule[] = [
    { operation: 'collect', runtimePath: 'b.txt', fault: { kind: 'respond', status: 403 } },
  ];
  const { gateway, runtimeId, cli, result } = await setUp(t, ['a.txt', 'b.txt'], { faults });
  const started = await cli('start', runtimeId, 'a.txt', 'b.txt', '--wait', '--json');
  assert.equal(started.code, exitCodes.failed);
  const { workflowId } = JSON.parse(started.stdout);
  const failed = await result(workflowId);
  assert.equal(failed.code, exitCodes.failed, 'as result without --files');
  assert.deepEqual(
    failed.lines.map(({ runtimePath }) => runtimePath),
    ['a.txt'],
  );
  assert.match(failed.stderr, /^1 file, 0 duplicates among them\nfailed: /);

  gateway.setFaults([]);
  const { code } = await cli('rerun', workflowId, '--wait');
  assert.equal(code, exitCodes.done);
  const ended = await waitFor('both runs to be visible', async () => {
    const found = await result(workflowId);
    return found.lines.every(({ runtimePath }) => runtimePath !== undefined) && found;
  });
  assert.equal(ended.code, exitCodes.done);
  assert.deepEqual(ended.lines.map(({ runtimePath }) => runtimePath).toSorted(), ['a.txt', 'b.txt']);

  const query = `WorkflowId = '${workflowId}'`;
  for await (const { runId } of temporal.client.workflow.list({ query })) {
    await temporal.client.workflowService.deleteWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId, runId },
    });
  }
  const gone = await waitFor('the pipeline to be deleted', async () => {
    const found = await result(workflowId);
    return found.code === exitCodes.usage && found;
  });
  assert.equal(
    gone.stderr,
    `bctrl-temporal: there is no workflow with the id "${workflowId}"; if Temporal has deleted it, add --runtime <runtimeId>\n`,
  );
  const byRuntime = await result(workflowId, '--runtime', runtimeId);
  assert.equal(byRuntime.code, exitCodes.done);
  const ids = ({ lines }: { lines: Line[] }) => lines.map(({ fileId }) => fileId).toSorted();
  assert.deepEqual(ids(byRuntime), ids(ended));
});

test('result --files --timeout prints what a held pipeline has now, and exits with 4', async (t) => {
  const faults: FaultRule[] = [
    { operation: 'collect', runtimePath: 'b.txt', fault: { kind: 'respond', status: 403 } },
  ];
  const { runtimeId, cli, result } = await setUp(t, ['a.txt', 'b.txt'], { faults });
  const started = await cli('start', runtimeId, 'a.txt', 'b.txt', '--on-failure', 'hold', '--json');
  const { workflowId } = JSON.parse(started.stdout);
  await waitForPhase(temporal.client.workflow.getHandle(workflowId), 'held');
  const { code, lines, stderr } = await result(workflowId, '--timeout', '1s');
  assert.deepEqual([code, lines.map(({ runtimePath }) => runtimePath)], [exitCodes.running, ['a.txt']]);
  assert.match(stderr, /\nStill running: more files may follow\.\n$/);
});

test('result --files waits for a list that lags', async (t) => {
  const env = { BCTRL_LIST_SETTLE_TIME: '4s' };
  const { runtimeId, cli, result } = await setUp(t, ['a.txt'], { listLagMs: 3_000, env });
  const { stdout } = await cli('start', runtimeId, 'a.txt');
  const { code, lines } = await result(stdout.trim());
  assert.deepEqual([code, lines.length], [exitCodes.done, 1]);
});

test('result --files warns if the API does not list all files that were collected', async (t) => {
  const env = { BCTRL_LIST_SETTLE_TIME: '1ms' };
  const { runtimeId, cli, result } = await setUp(t, ['a.txt'], { listLagMs: 600_000, env });
  const { stdout } = await cli('start', runtimeId, 'a.txt');
  const { code, lines, stderr } = await result(stdout.trim());
  assert.deepEqual([code, lines], [exitCodes.done, []]);
  assert.match(
    stderr,
    /\nwarning: the API lists 0 of the 1 file that were collected; the others were deleted/,
  );
});
