import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConfigError, exitCodes } from '../../src/exit.js';
import { version } from '../../src/version.js';
import { runMain } from '../support/run-main.js';

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
  'codec-server',
  'completion',
];

describe('--help', () => {
  for (const argv of [['--help'], ...commands.map((command) => [command, '--help'])]) {
    test(`${argv.join(' ')} lists every exit code, on stdout`, async () => {
      const { code, stdout, stderr } = await runMain(argv);
      assert.deepEqual([code, stderr], [0, '']);
      for (const exitCode of Object.values(exitCodes))
        assert.match(stdout, new RegExp(`^ {2}${exitCode} `, 'm'));
    });
  }

  for (const command of commands) {
    test(`${command} has an example`, async () => {
      const { stdout } = await runMain([command, '--help']);
      assert.match(stdout, new RegExp(`^Examples?:\n(.*\n)*.*bctrl-temporal ${command}( |$)`, 'm'));
    });
  }

  test('lists every command', async () => {
    const { stdout } = await runMain(['--help']);
    const listed = [...stdout.matchAll(/^ {2}([a-z-]+) .*/gm)].map(([, name]) => name);
    assert.deepEqual(listed, [...commands, 'help']);
  });
});

describe('wrong usage prints one line to stderr and ends with 2', () => {
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
    [['start', 'rt', 'a', '--exit-on-hold'], /--exit-on-hold needs --wait/],
    [['rerun'], /expected either workflow ids, or --all-failed or --runtime/],
    [['rerun', 'a', '--all-failed'], /expected either workflow ids, or --all-failed or --runtime/],
    [['rerun', 'a', '--since', '1h'], /--since and --class need --all-failed or --runtime/],
    [['rerun', '--all-failed', '--class', 'nope'], /Allowed are invalid_input, unauthorized, /],
    [['rerun', '--all-failed', '--if-exists', 'no'], /Allowed choices are fail, keep\./],
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
    [['start', '--spec', '/'], /--spec \/: is a directory/],
    [['start', '--spec', '/nowhere.yaml'], /--spec \/nowhere\.yaml: file not found/],
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
      const { code, stdout, stderr } = await runMain(argv);
      assert.deepEqual([code, stdout], [exitCodes.usage, '']);
      assert.match(stderr, line);
      assert.match(stderr, /^bctrl-temporal: [^\n]+\n$/);
    });
  }
});

test('--version prints the version of the package', async () => {
  assert.deepEqual(await runMain(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
});

test('without a command the help is on stderr, and the exit code is 2', async () => {
  const { code, stdout, stderr } = await runMain([]);
  assert.deepEqual([code, stdout], [exitCodes.usage, '']);
  assert.match(stderr, /^Usage: bctrl-temporal /);
});

test('a wrong environment variable is one line that names it', async () => {
  const { code, stdout, stderr } = await runMain(['start', 'rt', 'a'], {
    env: { TEMPORAL_ADDRESS: 'nowhere' },
  });
  assert.deepEqual([code, stdout], [exitCodes.usage, '']);
  assert.match(stderr, /^bctrl-temporal: TEMPORAL_ADDRESS: is not host:port[^\n]+\n$/);
});

const unreadable = {
  get env(): never {
    throw new ConfigError('.env: cannot be read (EACCES)');
  },
};

test('a .env file that cannot be read is one line', async () => {
  const { code, stdout, stderr } = await runMain(['list'], unreadable);
  assert.deepEqual([code, stdout], [exitCodes.usage, '']);
  assert.equal(stderr, 'bctrl-temporal: .env: cannot be read (EACCES)\n');
});

for (const argv of [['--help'], ['start', '--help'], ['--version']]) {
  test(`${argv.join(' ')} does not read the environment`, async () => {
    assert.equal((await runMain(argv, unreadable)).code, exitCodes.done);
  });
}

test('--dry-run prints task queue, namespace and address of the environment', async () => {
  const env = { TEMPORAL_ADDRESS: 'temporal:7233', TEMPORAL_NAMESPACE: 'ns', BCTRL_TASK_QUEUE: 'queue' };
  const { code, stdout } = await runMain(['start', 'rt', 'a', '--dry-run', '--json'], { env });
  assert.equal(code, exitCodes.done);
  const { taskQueue, namespace, address } = JSON.parse(stdout);
  assert.deepEqual([taskQueue, namespace, address], ['queue', 'ns', 'temporal:7233']);
});
