import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { main } from '../../src/cli/main.js';
import { exitCodes } from '../../src/exit.js';

async function run(...argv: string[]) {
  let [stdout, stderr] = ['', ''];
  const code = await main(argv, {
    stdout: {
      write: (text) => {
        stdout += text;
      },
    },
    stderr: {
      write: (text) => {
        stderr += text;
      },
    },
    interrupted: new AbortController().signal,
  });
  return { code, stdout, stderr };
}

describe('--help', () => {
  for (const argv of [['--help'], ['start', '--help'], ['collect', '--help'], ['result', '--help']]) {
    test(`${argv.join(' ')} lists every exit code, on stdout`, async () => {
      const { code, stdout, stderr } = await run(...argv);
      assert.deepEqual([code, stderr], [0, '']);
      for (const exitCode of Object.values(exitCodes))
        assert.match(stdout, new RegExp(`^ {2}${exitCode} `, 'm'));
    });
  }

  test('every command has an example', async () => {
    for (const command of ['start', 'collect', 'result']) {
      assert.match(
        (await run(command, '--help')).stdout,
        new RegExp(`Example:\n  bctrl-temporal ${command} `),
      );
    }
  });
});

describe('wrong usage is one line on stderr and exit code 2', () => {
  const wrong: [argv: string[], line: RegExp][] = [
    [['nope'], /unknown command 'nope'/],
    [['strat'], /unknown command 'strat' \(Did you mean start\?\)/],
    [['start', 'rt', 'a', '--wiat'], /unknown option '--wiat' \(Did you mean --wait\?\)/],
    [['start'], /missing required argument 'runtimeId'/],
    [['collect', 'rt', 'a', 'b'], /too many arguments/],
    [['start', 'rt'], /missing required argument 'path'/],
    [
      ['start', 'rt', 'a', '--give-up-after', 'soon'],
      /'soon' is invalid\. Expected a duration such as 30s or 5m\./,
    ],
    [['start', 'rt', 'a', '--wait', '--timeout', '5'], /'5' is invalid\. Expected a duration/],
    [['start', 'rt', 'a', '--timeout', '5s'], /--timeout needs --wait/],
    [['start', '', 'a'], /runtimeId: /],
    [['start', 'rt', 'a', ''], /files\[1\]\.runtimePath: /],
    [['start', 'rt', ...Array.from({ length: 10_001 }, () => 'a')], /files: .*1000/],
    [['start', 'rt', 'a', '--invocation', ''], /waitFor\.invocationIds\[0\]: /],
    [['collect', 'rt', 'a', '--to', ''], /destinationPath: /],
    [['result'], /missing required argument 'workflowId'/],
  ];
  for (const [argv, line] of wrong) {
    test(argv.slice(0, 6).join(' '), async () => {
      const { code, stdout, stderr } = await run(...argv);
      assert.deepEqual([code, stdout], [exitCodes.usage, '']);
      assert.match(stderr, line);
      assert.match(stderr, /^bctrl-temporal: [^\n]+\n$/);
    });
  }
});

test('no command is wrong usage too, with the help on stderr', async () => {
  const { code, stdout, stderr } = await run();
  assert.deepEqual([code, stdout], [exitCodes.usage, '']);
  assert.match(stderr, /^Usage: bctrl-temporal /);
});

test('a wrong environment variable is one line that names it', async (t) => {
  const before = process.env['TEMPORAL_ADDRESS'];
  process.env['TEMPORAL_ADDRESS'] = 'nowhere';
  t.after(() => {
    if (before === undefined) delete process.env['TEMPORAL_ADDRESS'];
    else process.env['TEMPORAL_ADDRESS'] = before;
  });
  const { code, stdout, stderr } = await run('start', 'rt', 'a');
  assert.deepEqual([code, stdout], [exitCodes.usage, '']);
  assert.match(stderr, /^bctrl-temporal: TEMPORAL_ADDRESS: "nowhere" [^\n]+\n$/);
});
