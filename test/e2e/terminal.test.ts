import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { exitCodes } from '../../src/exit.js';
import type { FaultRule } from '../../src/testing.js';
import { keepArtifact } from '../support/artifacts.js';
import { useDevServer } from '../support/dev-server.js';
import { startTestGateway } from '../support/gateway.js';
import { type Recording, recordStarter, type TerminalLine } from '../support/terminal.js';
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
