import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { startPipeline } from '../../src/client.js';
import { exitCodes } from '../../src/exit.js';
import { PROGRESS_QUERY } from '../../src/shared/names.js';
import type { PipelineInput } from '../../src/shared/pipeline-input.js';
import type { PipelineProgress } from '../../src/shared/pipeline-report.js';
import type { FaultRule } from '../../src/testing.js';
import { keepArtifact } from '../support/artifacts.js';
import { useDevServer } from '../support/dev-server.js';
import { startTestGateway } from '../support/gateway.js';
import { runMain } from '../support/run-main.js';
import { type Recording, recordStarter, type TerminalLine } from '../support/terminal.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

const COLUMNS = 80;

const temporal = useDevServer();

const textOf = (screen: readonly TerminalLine[] = []) => screen.map(({ text }) => text).join('\n');

/** The last screen, with the lines that the terminal has broken joined again. */
function lastScreen({ screens }: Recording): string {
  const lines = screens.at(-1) ?? [];
  return lines.map(({ text, isWrapped }, row) => (isWrapped || row === 0 ? text : `\n${text}`)).join('');
}

const refuse = (runtimePath: string, status: number, rule: Partial<FaultRule> = {}): FaultRule => ({
  operation: 'collect',
  runtimePath,
  fault: { kind: 'respond', status },
  ...rule,
});

/** A gateway and a worker. Commands run in a terminal of 80 columns, whose last screen is kept. */
async function setUp(t: TestContext, faults: FaultRule[] = []) {
  const gateway = await startTestGateway(t, { faults });
  const taskQueue = gateway.runtimeId;
  const { address } = temporal;
  await startWorkerProcess(t, {
    address,
    gatewayUrl: gateway.url,
    taskQueue,
    env: { BCTRL_LIST_SETTLE_TIME: '2s' },
  });
  const env = { TEMPORAL_ADDRESS: address, BCTRL_TASK_QUEUE: taskQueue };
  const setup = await runMain(['setup'], { env });
  assert.equal(setup.code, exitCodes.done, setup.stderr);
  const json = async (...argv: string[]) => {
    const { stdout, code } = await runMain([...argv, '--json'], { env });
    return { code, ...JSON.parse(stdout) };
  };
  const record = async (
    name: string,
    argv: readonly string[],
    onScreen?: (text: string, type: (keys: string) => void) => void,
  ) => {
    const recording = await recordStarter(t, argv, {
      columns: COLUMNS,
      env,
      ...(onScreen && { onScreen: (screen, type) => onScreen(textOf(screen), type) }),
    });
    const screens = recording.screens.map(textOf);
    await keepArtifact(
      `terminal/${name}.txt`,
      `$ bctrl-temporal ${argv.join(' ')}\n${screens.at(-1)}\n--- exit code ${recording.exitCode}\n`,
    );
    for (const line of recording.screens.at(-1) ?? []) {
      assert.ok(line.text.length <= COLUMNS);
    }
    return { code: recording.exitCode, text: lastScreen(recording), screens };
  };
  /** Starts a pipeline for a runtime of its own. */
  const start = async (paths: readonly string[], options: Partial<PipelineInput> = {}) => {
    const runtimeId = await gateway.createRuntime();
    await gateway.writeFiles(runtimeId, Object.fromEntries(paths.map((path) => [path, path])));
    const files = paths.map((runtimePath) => ({ runtimePath }));
    const input = { runtimeId, files, ...options } as PipelineInput;
    return await startPipeline(temporal.client, input, { taskQueue });
  };
  return { gateway, env, json, record, start };
}

/** Visibility is eventually consistent. */
async function waitUntilListed(query: string, count: number): Promise<void> {
  const isListed = async () => (await temporal.client.workflow.count(query)).count >= count;
  await waitFor(`${count} workflows with ${query}`, isListed);
}

describe('the morning after', () => {
  test('40 pipelines of which 12 failed are listed, rerun once, and then nothing is left to do', async (t) => {
    const faults = [refuse('refused.txt', 403), refuse('away.txt', 503), refuse('late.txt', 401)];
    const { gateway, json, record, start } = await setUp(t, faults);
    const many = (count: number, ...args: Parameters<typeof start>) =>
      Promise.all(Array.from({ length: count }, () => start(...args)));
    const [abandoned] = await many(1, ['late.txt'], { onFailure: 'hold' });
    const [held] = await many(1, ['late.txt', 'a.txt'], { onFailure: 'hold' });
    assert.ok(abandoned && held);
    await waitForPhase(abandoned.workflowHandle, 'held');
    await waitForPhase(held.workflowHandle, 'held');
    await abandoned.abandon();
    const good = await many(26, ['a.txt', 'b.txt']);
    const refused = await many(7, ['a.txt', 'refused.txt']);
    const away = await many(5, ['a.txt', 'away.txt'], { giveUpAfter: '10s' });
    const ended = await Promise.allSettled(
      [...good, ...refused, ...away, abandoned].map((each) => each.result()),
    );
    assert.equal(ended.filter(({ status }) => status === 'rejected').length, 13);
    await waitUntilListed(`ExecutionStatus = 'Failed'`, 13);
    await waitUntilListed(`ExecutionStatus = 'Completed'`, 26);
    await waitUntilListed(`BctrlPhase = 'held' AND ExecutionStatus = 'Running'`, 1);

    const list = await waitFor(
      'a list with all reasons, for which a busy worker may need too long',
      async () => {
        const shown = await record('list', ['list', '--limit', '40']);
        return !/ ago {2}\?$/m.test(shown.text) && shown;
      },
    );
    assert.equal(list.code, exitCodes.done);
    assert.match(list.text, /^STATUS +COLLECTED +FAILED +STARTED +REASON\n {2}WORKFLOW ID\n/);
    assert.match(list.text, /\n40 pipelines: 26 completed, 13 failed, 1 held$/);
    assert.match(list.text, /\nheld +1 +1 +.* ago +unauthorized: 401 auth/);
    const { pipelines } = await json('list', '--limit', '40');
    const starts = pipelines.map(({ startTime }: { startTime: string }) => startTime);
    assert.deepEqual(starts, starts.toSorted().reverse(), 'the newest is first');
    const failed = await record('list-failed', ['list', '--failed', '--limit', '40']);
    assert.match(failed.text, /\nfailed +1 +1 +.* ago +capability_denied: 403 auth/);
    assert.match(failed.text, /\n14 pipelines: 13 failed, 1 held$/);

    const plan = await record('rerun-dry-run', ['rerun', '--all-failed', '--since', '12h', '--dry-run']);
    assert.equal(plan.code, exitCodes.done);
    assert.equal(plan.text.match(/^would-start {2}/gm)?.length, 12);
    const upstream = await json('rerun', '--all-failed', '--class', 'upstream', '--dry-run');
    const idsOf = (list: readonly { workflowId: string }[]) =>
      list.map(({ workflowId }) => workflowId).toSorted();
    assert.deepEqual(idsOf(upstream.pipelines), idsOf(away));
    const one = await json(
      'rerun',
      '--runtime',
      (await refused[0]?.progress())?.runtimeId ?? '',
      '--dry-run',
    );
    assert.deepEqual(idsOf(one.pipelines), [refused[0]?.workflowId]);

    gateway.setFaults([refuse('late.txt', 401)]);
    const before = gateway.snapshot().files.length;
    const asked = await json('rerun', '--all-failed').catch((error: unknown) => error);
    assert.ok(asked instanceof SyntaxError, 'without a terminal and --yes it starts nothing');
    let isConfirmed = false;
    const rerun = await record(
      'rerun',
      ['rerun', '--all-failed', '--since', '12h', '--wait'],
      (text, type) => {
        if (isConfirmed || !text.includes('rerun 12 pipelines? [y/N]')) return;
        isConfirmed = true;
        type('y\r');
      },
    );
    assert.equal(rerun.code, exitCodes.done, rerun.text);
    assert.equal(rerun.text.match(/^started {2}/gm)?.length, 12);
    assert.equal(rerun.text.match(/^completed {2}1 of 1 files collected /gm)?.length, 12);
    assert.equal(gateway.snapshot().files.length, before + 12);

    const again = await record('rerun-again', ['rerun', '--all-failed', '--since', '12h']);
    assert.deepEqual(
      [again.code, again.text],
      [exitCodes.done, 'no pipelines to rerun (12 completed since)'],
    );
    assert.equal(gateway.snapshot().files.length, before + 12);
    const left = await record('list-failed-after', ['list', '--failed']);
    assert.match(left.text, /\n2 pipelines: 1 held, 1 failed$/);
    assert.ok(left.text.includes(abandoned.workflowId), 'nobody reruns what somebody has abandoned');

    gateway.setFaults([]);
    const resumed = await json('resume', held.workflowId);
    assert.equal(resumed.code, exitCodes.done);
    await held.result();
  });

  test('a second call right after does not start what the first one has started', async (t) => {
    const { gateway, json, start } = await setUp(t, [refuse('a.txt', 403)]);
    const pipelines = await Promise.all([start(['a.txt']), start(['a.txt'])]);
    await Promise.allSettled(pipelines.map((each) => each.result()));
    const ids = pipelines.map(({ workflowId }) => `'${workflowId}'`).join(', ');
    await waitUntilListed(`WorkflowId IN (${ids}) AND ExecutionStatus = 'Failed'`, 2);
    gateway.setFaults([refuse('a.txt', 503)]);
    const first = await json('rerun', '--all-failed', '--since', '1m', '--yes');
    const second = await json('rerun', '--all-failed', '--since', '1m', '--yes');
    assert.deepEqual([first.code, first.pipelines.length], [exitCodes.done, 2]);
    assert.deepEqual([second.code, second.pipelines], [exitCodes.done, []]);
    await waitFor('a retry', async () => (await json('list', '--retrying')).pipelines.length === 2);
    const { pipelines: retrying } = await json('list', '--retrying');
    for (const { reason } of retrying) assert.match(reason, /^attempt \d+ after upstream: 503 /);
    gateway.setFaults([]);
    await Promise.all(pipelines.map(({ workflowHandle }) => workflowHandle.result()));
  });

  test('rerun and resume take --if-exists, for paths that another file has taken', async (t) => {
    const { gateway, json, start } = await setUp(t);
    const taken = { runtimePath: 'a.txt', destinationPath: '/taken.txt' };
    const first = await start(['a.txt'], { files: [taken] } as Partial<PipelineInput>);
    await first.result();
    const second = await start(['a.txt'], { files: [taken] } as Partial<PipelineInput>);
    await assert.rejects(second.result());
    const kept = await json('rerun', second.workflowId, '--if-exists', 'keep', '--wait');
    assert.deepEqual([kept.code, kept.result.counts.kept], [exitCodes.done, 1]);

    const third = await start(['a.txt'], { files: [taken], onFailure: 'hold' } as Partial<PipelineInput>);
    await waitForPhase(third.workflowHandle, 'held');
    assert.equal((await json('resume', third.workflowId, '--if-exists', 'keep')).code, exitCodes.done);
    assert.equal((await third.result()).counts.kept, 1);
    assert.equal(gateway.snapshot().files.length, 1);
  });
});

describe('what an operator sees of one pipeline', () => {
  test('failures of one cause are one line, and the command to go on is whole', async (t) => {
    const { json, record, start } = await setUp(t, [
      { operation: 'collect', fault: { kind: 'respond', status: 403 } },
    ]);
    const paths = Array.from({ length: 88 }, (_, index) => `out/${index}.txt`);
    const pipeline = await start(paths, { onFailure: 'hold' });
    await waitForPhase(pipeline.workflowHandle, 'held');
    const group = /(?:^|\n)failed {5}capability_denied ×(\d+): 403 [\s\S]*, e\.g\.\s+out\/\d+\.txt\n/;
    const held = await record('status-held', ['status', pipeline.workflowId]);
    const [, count] = group.exec(held.text) ?? [];
    const resume = `\nnext step  held: fix the cause, then run this (or abandon)\n  bctrl-temporal resume ${pipeline.workflowId}`;
    assert.ok(held.text.endsWith(resume), held.text);
    const progress = await pipeline.progress();
    assert.equal(Number(count), progress.files.filter(({ outcome }) => outcome === 'failed').length);

    const watched = await record('watch-held', ['watch', pipeline.workflowId, '--timeout', '3s']);
    const live =
      /^held {2}░*▒+ {4}0% {2}0 of 88 {2}88 failed {2}.*\n {2}failed capability_denied ×88: 403 auth/m;
    assert.ok(
      watched.screens.some((screen) => live.test(screen)),
      watched.screens.join('\n---\n'),
    );

    const exit = await record('watch-exit-on-hold', ['watch', pipeline.workflowId, '--exit-on-hold']);
    assert.equal(exit.code, exitCodes.running);
    assert.match(exit.text, group);
    assert.ok(exit.text.endsWith(resume), exit.text);
    const silent = await json('result', pipeline.workflowId, '--exit-on-hold');
    assert.deepEqual(
      [silent.code, silent.status, silent.result.phase],
      [exitCodes.running, 'running', 'held'],
    );

    await pipeline.abandon();
    await assert.rejects(pipeline.result());
    const ended = await record('result-failed', ['result', pipeline.workflowId]);
    assert.equal(ended.code, exitCodes.failed);
    assert.match(ended.text, group);
    const rerun = `\nnext step  fix the cause, then run\n  bctrl-temporal rerun ${pipeline.workflowId}`;
    assert.ok(ended.text.endsWith(rerun), ended.text);
    const all = await runMain(['result', pipeline.workflowId, '--all'], {
      env: { TEMPORAL_ADDRESS: temporal.address },
    });
    assert.equal(all.stdout.match(/^failed /gm)?.length, Number(count));
  });

  test('start --wait --exit-on-hold ends with 4 as soon as the pipeline is held', async (t) => {
    const { gateway, record } = await setUp(t, [refuse('a.txt', 401)]);
    const runtimeId = await gateway.createRuntime();
    await gateway.writeFiles(runtimeId, { 'a.txt': 'a' });
    const argv = ['start', runtimeId, 'a.txt', '--on-failure', 'hold', '--wait', '--exit-on-hold'];
    const { code, text } = await record('start-exit-on-hold', argv);
    assert.equal(code, exitCodes.running);
    assert.match(text, /\nfailed {5}unauthorized: a\.txt: /);
    assert.match(text, /\nHeld\. Reattach with: bctrl-temporal watch post-run\/\S+\nnext step {2}held: /);
  });

  test('a waiting pipeline says how to signal it, with its id quoted', async (t) => {
    const { gateway, record, json } = await setUp(t);
    const workflowId = "nightly run 'a'";
    await gateway.addFile('a.txt');
    const { runtimeId } = gateway;
    const input = { runtimeId, files: [{ runtimePath: 'a.txt' }], waitFor: { signal: true } } as const;
    const pipeline = await startPipeline(temporal.client, input, { taskQueue: runtimeId, workflowId });
    await waitForPhase(pipeline.workflowHandle, 'waiting');
    const command = `bctrl-temporal job-finished 'nightly run '\\''a'\\'''`;
    const { text } = await record('status-waiting', ['status', workflowId]);
    assert.ok(
      text.endsWith(`next step  waits for a signal: when the job has ended, run\n  ${command}`),
      text,
    );
    const watched = await record('watch-waiting', ['watch', workflowId, '--timeout', '3s']);
    assert.ok(watched.screens.some((screen) => screen.includes(`  ${command}\n`)));
    assert.equal((await json('job-finished', workflowId)).code, exitCodes.done);
    assert.equal((await pipeline.result()).counts.collected, 1);
  });

  test('files of running batches count once, and the last lookup has a name', async (t) => {
    const stuck = ['out/0.txt', 'out/100.txt', 'out/200.txt'];
    const { gateway, json, record, start } = await setUp(t, [
      ...stuck.map((path) => refuse(path, 503)),
      refuse('out/7.txt', 0, { times: 1, fault: { kind: 'reset' } }),
    ]);
    const paths = Array.from({ length: 300 }, (_, index) => `out/${index}.txt`);
    const { workflowId, workflowHandle } = await start(paths, { batchSize: 100 });
    const status = await waitFor('297 files that are collected', async () => {
      const shown = await json('status', workflowId);
      return shown.report?.counts.collected === 297 && shown;
    });
    const { counts } = await workflowHandle.query<PipelineProgress>(PROGRESS_QUERY);
    assert.equal(counts.collected, 0, 'the pipeline itself counts batches that have ended');
    const bytes = paths.filter((path) => !stuck.includes(path)).join('').length;
    assert.equal(status.report.bytes, bytes, 'each file contains its path');
    let isRecovered = false;
    const watched = await record('watch-batches', ['watch', workflowId], (text) => {
      if (isRecovered || !/ 297 of 300 /.test(text)) return;
      isRecovered = true;
      gateway.setFaults([]);
    });
    assert.equal(watched.code, exitCodes.done);
    await keepArtifact('terminal/watch-batches-screens.txt', watched.screens.join('\n\n---\n\n'));
    const seen = watched.screens.flatMap((screen) => /(\d+) of 300 /.exec(screen)?.[1] ?? []).map(Number);
    assert.ok(
      seen.every((count) => count <= 300),
      seen.join(),
    );
    assert.ok(seen.includes(297));
    assert.ok(watched.screens.some((screen) => /^checking for duplicates {2}300 of 300 {2}/m.test(screen)));
    assert.match(watched.text, /\n300 of 300 files collected /);
    assert.equal(gateway.snapshot().files.length, 300);
  });
});
