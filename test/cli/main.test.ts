import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { main } from '../../src/cli/main.js';
import { exitCodes } from '../../src/exit.js';
import { version } from '../../src/version.js';

async function run(...argv: string[]) {
  let [stdout, stderr] = ['', ''];
  const code = await main(argv, {
    stdin: Readable.from([]),
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

const commands = [
  'start',
  'collect',
  'rerun',
  'status',
  'watch',
  'result',
  'list',
  'resume',
  'abandon',
  'cancel',
  'add-files',
  'job-finished',
  'setup',
  'doctor',
  'completion',
];

describe('--help', () => {
  for (const argv of [['--help'], ...commands.map((command) => [command, '--help'])]) {
    test(`${argv.join(' ')} lists every exit code, on stdout`, async () => {
      const { code, stdout, stderr } = await run(...argv);
      assert.deepEqual([code, stderr], [0, '']);
      for (const exitCode of Object.values(exitCodes))
        assert.match(stdout, new RegExp(`^ {2}${exitCode} `, 'm'));
    });
  }

  for (const command of commands) {
    test(`${command} has an example`, async () => {
      const { stdout } = await run(command, '--help');
      assert.match(stdout, new RegExp(`^Examples?:\n(.*\n)*.*bctrl-temporal ${command}( |$)`, 'm'));
    });
  }

  test('lists every command', async () => {
    const { stdout } = await run('--help');
    const listed = [...stdout.matchAll(/^ {2}([a-z-]+) .*/gm)].map(([, name]) => name);
    assert.deepEqual(listed, [...commands, 'help']);
  });
});

describe('wrong usage is one line on stderr and exit code 2', () => {
  const wrong: [argv: string[], line: RegExp][] = [
    [['nope'], /unknown command 'nope'/],
    [['strat'], /unknown command 'strat' \(Did you mean start\?\)/],
    [['start', 'rt', 'a', '--wiat'], /unknown option '--wiat' \(Did you mean --wait\?\)/],
    [['start'], /missing required argument 'runtimeId'/],
    [['collect', 'rt', 'a', 'b'], /too many arguments/],
    [['start', 'rt'], /missing required argument 'path' \(or --invocation, --signal\)/],
    [
      ['start', 'rt', 'a', '--give-up-after', 'soon'],
      /'soon' is invalid\. Expected a duration such as 30s or 5m\./,
    ],
    [['start', 'rt', 'a', '--wait', '--timeout', '5'], /'5' is invalid\. Expected a duration/],
    [['start', 'rt', 'a', '--timeout', '5s'], /--timeout needs --wait/],
    [['start', '', 'a'], /'' is invalid for argument 'runtimeId'\. Expected an id\./],
    [['start', 'rt\u001b[2J', 'a'], /'rt \[2J' is invalid/],
    [['collect', 'rt\n', 'a'], /is invalid for argument 'runtimeId'/],
    [['status', 'post-run/rt\ud800'], /is invalid for argument 'workflowId'/],
    [['resume', 'a\u2028b'], /is invalid for argument 'workflowId'/],
    [['start', 'rt', '--invocation', 'a\u0000b'], /is invalid\. Expected an id\./],
    [['list', '--runtime', 'a\ufffd'], /is invalid\. Expected an id\./],
    [['start', 'rt', 'a', ''], /files\[1\]\.runtimePath: /],
    [['start', 'rt', ...Array.from({ length: 10_001 }, () => 'a')], /files: .*1000/],
    [['start', 'rt', 'a', '--invocation', ''], /'' is invalid\. Expected an id\./],
    [['collect', 'rt', 'a', '--to', ''], /destinationPath: /],
    [['start', 'rt', 'a', '--invocation', '--wait'], /'--wait' is invalid\. Expected an id\./],
    [['start', 'rt', 'a', '--wait-timeout', '1h'], /--wait-timeout needs --invocation or --signal/],
    [
      ['start', 'rt', 'a', '--invocation', 'i', '--signal'],
      /waitFor: expected either invocationIds or signal/,
    ],
    [['start', 'rt', 'a', '--if-missing', 'no'], /Allowed choices are fail, warn, ignore\./],
    [['start', 'rt', 'a', '--export-archive', 'run.tar'], /exportArchive\.name: /],
    [['start', '--spec', '/'], /--spec \/: it is a directory/],
    [['start', '--spec', '/nowhere.yaml'], /--spec \/nowhere\.yaml: there is no such file/],
    [['result'], /missing required argument 'workflowId'/],
    [['status', ''], /'' is invalid.* Expected an id\./],
    [['rerun', 'id', '--timeout', '5s'], /--timeout needs --wait/],
    [['list', '--phase', 'ended'], /Allowed choices are waiting, collecting, held, finishing, done\./],
    [['start', 'rt', '--signal', '--if-missing', 'warn'], /--if-missing has no effect/],
    [['start', 'rt', 'a', '--when-job-fails', 'skip'], /--when-job-fails needs --invocation or --signal/],
    [['collect', 'rt', 'a', '--all'], /unknown option '--all'/],
    [['result', 'id', '--all', '--json'], /option '--all' cannot be used with option '--json'/],
    [
      ['list', '--held', '--phase', 'waiting'],
      /option '--phase <phase>' cannot be used with option '--held'/,
    ],
    [['list', '--limit', '0'], /'0' is invalid\. Expected a whole number above 0\./],
    [['resume'], /expected either workflow ids, or --all-held or --runtime/],
    [['cancel', 'id', '--all-held'], /expected either workflow ids, or --all-held or --runtime/],
    [['resume', 'id', '--path', ''], /runtimePaths\[0\]: /],
    [['add-files', 'id'], /missing required argument 'path'/],
    [
      ['job-finished', 'id', '--status', 'ok'],
      /Allowed choices are succeeded, failed, cancelled, timed_out\./,
    ],
    [
      ['job-finished', 'id', '--status', 'failed', '--invocation', 'i'],
      /expected either invocationId or status/,
    ],
    [['completion', 'csh'], /Allowed choices are bash, zsh, fish, powershell\./],
  ];
  for (const [argv, line] of wrong) {
    test(JSON.stringify(argv.slice(0, 6).join(' ')), async () => {
      const { code, stdout, stderr } = await run(...argv);
      assert.deepEqual([code, stdout], [exitCodes.usage, '']);
      assert.match(stderr, line);
      assert.match(stderr, /^bctrl-temporal: [^\n]+\n$/);
    });
  }
});

test('--version is that of the package', async () => {
  assert.deepEqual(await run('--version'), { code: 0, stdout: `${version}\n`, stderr: '' });
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
  assert.match(stderr, /^bctrl-temporal: TEMPORAL_ADDRESS: is not host:port[^\n]+\n$/);
});
