import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { BctrlActivities } from '../../src/activities/create-activities.js';
import { exitCodes } from '../../src/exit.js';
import { POST_RUN_PIPELINE } from '../../src/shared/names.js';
import { searchAttributes } from '../../src/shared/search-attributes.js';
import type { FaultRule } from '../../src/testing.js';
import { keepArtifact } from '../support/artifacts.js';
import { useDevServer } from '../support/dev-server.js';
import { startTestGateway } from '../support/gateway.js';
import { toFile } from '../support/pipeline.js';
import { runMain } from '../support/run-main.js';
import { connectToDevServer, withWorker } from '../support/temporal.js';
import { type Recording, recordStarter, type TerminalLine } from '../support/terminal.js';
import { assertSafeOnTerminal, FORGING_TEXT, STEERING_NAME } from '../support/terminal-safety.js';
import { waitFor } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

const temporal = useDevServer();

const refuseOnce = (runtimePath: string, status: number, headers = {}): FaultRule => ({
  operation: 'collect',
  runtimePath,
  times: 1,
  fault: { kind: 'respond', status, headers },
});

/** A job of one second, files that are retried, and a missing file. */
async function setUp(t: TestContext) {
  const gateway = await startTestGateway(t, {
    faults: [
      refuseOnce('results.csv', 503),
      refuseOnce('logs/agent.log', 429, { 'retry-after': '2' }),
      { operation: 'collect', runtimePath: 'trace.zip', times: 1, fault: { kind: 'drop-response' } },
    ],
  });
  const { runtimeId } = gateway;
  const paths = ['results.csv', 'logs/agent.log', 'trace.zip', `deep/${'folder/'.repeat(12)}report.json`];
  for (const path of paths) await gateway.addFile(path, path);
  const { id } = await gateway.createInvocation({ runtimeId, durationMs: 1_000 });
  const taskQueue = runtimeId;
  await startWorkerProcess(t, { address: temporal.address, gatewayUrl: gateway.url, taskQueue });
  return {
    argv: ['start', runtimeId, ...paths, 'missing.txt', '--invocation', id, '--wait'],
    env: {
      TEMPORAL_ADDRESS: temporal.address,
      BCTRL_TASK_QUEUE: taskQueue,
      BCTRL_TEMPORAL_UI_URL: 'http://localhost:8233',
    },
  };
}

const textOf = (screen: readonly TerminalLine[] = []) => screen.map(({ text }) => text).join('\n');

/** Only the terminal itself may break lines, and only those with an id, a link or a command: they can be copied whole. */
function assertNoBrokenLine({ screens }: Recording): void {
  for (const screen of screens) {
    const broken = screen.filter(({ isWrapped }, row) => {
      const above = screen[row - 1]?.text ?? '';
      return isWrapped && !/^(started |attached to |http:| {2}bctrl-temporal )/.test(above);
    });
    assert.deepEqual(broken, [], textOf(screen));
  }
}

describe('start --wait in a terminal', () => {
  for (const columns of [80, 120]) {
    test(`of ${columns} columns shows progress and retries, then the report`, async (t) => {
      const { argv, env } = await setUp(t);
      const recording = await recordStarter(t, argv, { columns, env });
      const shown = recording.screens.map(textOf);
      await keepArtifact(
        `terminal/start-wait-${columns}.txt`,
        shown.map((screen, index) => `--- screen ${index + 1}\n${screen}\n`).join('\n'),
      );
      assert.equal(recording.exitCode, exitCodes.failed);
      assertNoBrokenLine(recording);
      const sees = (pattern: RegExp) =>
        assert.ok(
          shown.some((screen) => pattern.test(screen)),
          String(pattern),
        );
      sees(/^waiting for the jobs {2}\d+\.\d s$/m);
      sees(/^collecting {2}[█▒░]{16,30} {2} *\d+% {2}\d of 5 {2}/m);
      sees(/^ {2}retry attempt 2 in \d\.\d s after upstream: results\.csv: returned 503 /m);
      sees(/^ {2}retry attempt 2 in \d\.\d s after rate_limited: logs\/agent\.log: returned 429 /m);
      sees(/^ {2}retry attempt 2 in \d\.\d s after upstream: trace\.zip: got no response/m);
      sees(/ {2}1 failed {2}/);

      const last = shown.at(-1) ?? '';
      assert.doesNotMatch(last, /retry|█/, 'the report has taken the place of the progress');
      assert.match(last, /^job {8}\S+ succeeded$/m);
      assert.match(last, /^collected {2}results\.csv +11 B {2}.*\/results\.csv$/m);
      assert.match(last, /^failed {5}not_found: missing\.txt: POST/m);
      assert.match(last, /^4 of 5 files collected \(\d+ B\), 1 failed$/m);
      const rerun =
        /\nfailed: 1 of 5 files could not be collected\nnext step {2}fix the cause, then run\n {2}(.*)$/s;
      const [, command = ''] = rerun.exec(last) ?? [];
      const [, workflowId = ''] = /^started (.*?)\nhttp:/s.exec(last) ?? [];
      const whole = (text: string) => text.replaceAll('\n', '');
      assert.equal(whole(command), `bctrl-temporal rerun ${whole(workflowId)}`);
      assert.ok(recording.screens.at(-1)?.some(({ isColored }) => isColored));
    });
  }

  test('has no colors with NO_COLOR', async (t) => {
    const { argv, env } = await setUp(t);
    const { screens } = await recordStarter(t, argv, { columns: 80, env: { ...env, NO_COLOR: '1' } });
    assert.ok(screens.every((screen) => screen.every(({ isColored }) => !isColored)));
  });

  test('ends with Ctrl-C and says how to reattach; the pipeline keeps running', async (t) => {
    const { argv, env } = await setUp(t);
    let isTyped = false;
    const { screens, exitCode } = await recordStarter(t, argv, {
      columns: 80,
      env,
      onScreen: (screen, type) => {
        if (isTyped || !textOf(screen).includes('waiting for the jobs')) return;
        isTyped = true;
        type('\u0003');
      },
    });
    assert.equal(exitCode, exitCodes.interrupted);
    const last = (screens.at(-1) ?? []).map(({ text }) => text).join('');
    const [, workflowId = ''] =
      /Interrupted\. Still running\. Reattach with: bctrl-temporal watch (\S+)$/.exec(last) ?? [];
    const back = await recordStarter(t, ['watch', workflowId], { columns: 120, env });
    assert.match(textOf(back.screens.at(-1)), /^4 of 5 files collected/m);
  });

  test('a command for several pipelines asks for confirmation', async (t) => {
    const { env } = await setUp(t);
    const answer = async (typed: string) => {
      let isTyped = false;
      const ids = ['post-run/one', 'post-run/two'];
      const { screens, exitCode } = await recordStarter(t, ['cancel', ...ids], {
        columns: 80,
        env,
        onScreen: (screen, type) => {
          if (isTyped || !textOf(screen).includes('[y/N]')) return;
          isTyped = true;
          type(typed);
        },
      });
      return { exitCode, text: textOf(screens.at(-1)) };
    };
    const no = await answer('n\r');
    assert.equal(no.exitCode, exitCodes.usage);
    assert.match(no.text, /nothing was done$/);
    const interrupted = await answer('\u0003');
    assert.equal(interrupted.exitCode, exitCodes.interrupted);
    assert.match(interrupted.text, /nothing was done$/);
    const ended = await answer('\u0004');
    assert.deepEqual([ended.exitCode, /nothing was done$/.test(ended.text)], [exitCodes.usage, true]);
    const yes = await answer('y\r');
    assert.match(yes.text, /^refused {2}post-run\/one {2}there is no workflow/m);
  });
});

/** Well-formed Unicode without U+0000, as arguments and ids have to be. */
const hostile = `${STEERING_NAME}${FORGING_TEXT}`.replaceAll(/\p{Cs}|\0/gu, '');

/** A worker whose texts come to the starter as they are: the first attempts fail, and the file `final.txt` for good. */
async function withHostileWorker(t: TestContext, use: (taskQueue: string) => Promise<void>): Promise<void> {
  const env = await connectToDevServer(temporal.address);
  t.after(() => env.teardown());
  const collectRuntimeFile: BctrlActivities['collectRuntimeFile'] = async (input) => {
    const isFinal = input.runtimePath === 'final.txt';
    const type = isFinal ? 'server' : 'upstream';
    // The server keeps no large failure of an attempt.
    const [message, details] = [FORGING_TEXT, [{ reasonClass: type, hint: FORGING_TEXT }]];
    if (isFinal) throw ApplicationFailure.create({ type, message, details, nonRetryable: true });
    if (Context.current().info.attempt > 1) return { ...toFile(input), path: hostile };
    throw ApplicationFailure.create({ type, message, details, nextRetryDelay: '2s' });
  };
  const verifyCollectedFiles = async () => ({ files: {}, moreDuplicates: 0 });
  const activities = { collectRuntimeFile, verifyCollectedFiles };
  await withWorker(env, { activities, timeoutMs: 60_000 }, use);
}

/** Runs the starter, and confirms what it asks. */
async function recordHostile(t: TestContext, argv: readonly string[], taskQueue: string) {
  let isTyped = false;
  const { screens, output, exitCode } = await recordStarter(t, argv, {
    columns: 100,
    env: { TEMPORAL_ADDRESS: temporal.address, BCTRL_TASK_QUEUE: taskQueue },
    onScreen: (screen, type) => {
      if (isTyped || !textOf(screen).includes('[y/N]')) return;
      isTyped = true;
      type('y\r');
    },
  });
  const shown = screens.map(textOf).join('\n');
  await keepArtifact(`terminal/hostile-${argv[0]}.txt`, shown);
  assertSafeOnTerminal(output);
  return { shown, output, exitCode };
}

describe('in a terminal, texts of others are only shown', () => {
  test('by start --wait: a path, a retried error and a final one', async (t) => {
    await withHostileWorker(t, async (taskQueue) => {
      const argv = ['start', taskQueue, 'final.txt', hostile, '--wait'];
      const { shown, output, exitCode } = await recordHostile(t, argv, taskQueue);
      assert.equal(exitCode, exitCodes.failed);
      assert.match(shown, /^ {2}retry attempt 2 in \d\.\d s after upstream: a \[31mFORGED/m);
      assert.match(shown, /^ {2}failed server: a \[31mFORGED/m);
      assert.match(shown, /^failed {5}server: a \[31mFORGED/m);
      assert.match(shown, /^collected {2}\S*.*FORGED/m);
      assert.ok(output.includes('\u001b[31mfailed'), 'it has colors');
    });
  });

  test('by watch: the task queue of a pipeline without a worker', async (t) => {
    const workflowId = 'hostile-task-queue';
    const args = [{ runtimeId: 'rt_1', files: [{ runtimePath: 'a.txt' }] }];
    await temporal.client.workflow.start(POST_RUN_PIPELINE, { workflowId, taskQueue: FORGING_TEXT, args });
    const { shown, exitCode } = await recordHostile(t, ['watch', workflowId, '--timeout', '15s'], 'none');
    assert.equal(exitCode, exitCodes.running);
    assert.match(shown, /^no worker polls task queue "a \[31mFORGED/m);
  });

  test('by list and, after a confirmation, cancel: workflow ids', async (t) => {
    const env = { TEMPORAL_ADDRESS: temporal.address };
    const setup = await runMain(['setup'], { env });
    assert.equal(setup.code, exitCodes.done, setup.stderr);
    const runtimeId = 'rt_hostile';
    for (const number of [1, 2]) {
      await temporal.client.workflow.start(POST_RUN_PIPELINE, {
        workflowId: `${number}${FORGING_TEXT}`,
        taskQueue: 'none',
        args: [{ runtimeId, files: [{ runtimePath: 'a.txt' }] }],
        typedSearchAttributes: [{ key: searchAttributes.runtimeId, value: runtimeId }],
      });
    }
    const query = `BctrlRuntimeId = '${runtimeId}'`;
    await waitFor('the pipelines', async () => (await temporal.client.workflow.count(query)).count === 2);
    const list = await recordHostile(t, ['list'], 'none');
    assert.match(list.shown, /[12]a \[31mFORGED/);
    const cancel = await recordHostile(t, ['cancel', '--runtime', runtimeId], 'none');
    assert.equal(cancel.exitCode, exitCodes.done);
    assert.match(cancel.shown, /^cancel 2 pipelines\? \[y\/N\] y$/m);
    assert.match(cancel.shown, /^cancelling {2}.*FORGED/m);
  });
});
