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
    [['start', 'rt'], /missing required argument 'path'/],
    [
      ['start', 'rt', 'a', '--give-up-after', 'soon'],
      /'soon' is invalid\. Expected a duration such as 30s or 5m\./,
    ],
    [['start', 'rt', 'a', '--timeout', '5s'], /--timeout needs --wait/],
    [['start', '', 'a'], /runtimeId: /],
    [['result'], /missing required argument 'workflowId'/],
  ];
  for (const [argv, line] of wrong) {
    test(argv.join(' '), async () => {
      const { code, stdout, stderr } = await run(...argv);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, line);
      assert.match(stderr, /^bctrl-temporal: [^\n]+\n$/);
    });
  }
});
