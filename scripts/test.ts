import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { relative } from 'node:path';
import { resolveBrowser } from './browser.js';
import { resolveDevServer, resolveTestServer } from './temporal-servers.js';
import { parseTestArguments } from './test-arguments.js';

/** Per test file and per test, on a machine that is busy: one that takes longer hangs. */
const TEST_TIMEOUT_MS = 8 * 60_000;

/** Its tests need a browser. */
const BROWSER_TESTS = 'test/ui';

/** What `--fast` runs: tests that need neither a build nor a Temporal server. */
const FAST = '--fast';
const FAST_TESTS = [
  'activities',
  'bctrl',
  'cli',
  'contract',
  'gateway',
  'shared',
  'config.test.ts',
  'proxy.test.ts',
];

const stop = new AbortController();
let running: ChildProcess | undefined;
let stoppedBy: NodeJS.Signals | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    stoppedBy = signal;
    stop.abort();
    if (running) signalGroup(running, signal);
  });
}

let exitCode = 1;
try {
  exitCode = await runTests(process.argv.slice(2));
} catch (error) {
  if (!stoppedBy) console.error(error instanceof Error ? error.message : error);
  // Of servers and browser, others may still be on their way.
  stop.abort();
}
process.exitCode = stoppedBy ? exitCodeOf(stoppedBy) : exitCode;

async function runTests(args: string[]): Promise<number> {
  if (args[0] === FAST) {
    const paths = FAST_TESTS.map((path) => `test/${path}`);
    const { files, flags } = parseTestArguments([...paths, ...args.slice(1)], 'test');
    return await runNode(files, flags, process.env);
  }
  const { files, flags } = parseTestArguments(args, 'test');
  const built = await run('npm', ['run', '--silent', 'build'], process.env);
  if (built !== 0) return built;

  const needsBrowser = files.some((file) => !relative(BROWSER_TESTS, file).startsWith('..'));
  const [devServer, testServer, browser] = await Promise.all([
    resolveDevServer({ signal: stop.signal }),
    resolveTestServer({ signal: stop.signal }),
    needsBrowser ? resolveBrowser({ signal: stop.signal }) : undefined,
  ]);
  return await runNode(files, flags, {
    ...process.env,
    BCTRL_TEMPORAL_DEV_SERVER: devServer,
    BCTRL_TEMPORAL_TEST_SERVER: testServer,
    BCTRL_TEST_BROWSER: browser,
  });
}

function runNode(
  files: readonly string[],
  flags: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const reporter = flags.some((flag) => flag.startsWith('--test-reporter')) ? [] : ['--test-reporter=spec'];
  const options = ['--test-concurrency=3', `--test-timeout=${TEST_TIMEOUT_MS}`, ...reporter, ...flags];
  return run(process.execPath, ['--import', 'tsx', '--test', ...options, ...files], env);
}

/** Runs a command in a process group of its own, so that a signal reaches all of it exactly once; returns its exit code. */
async function run(file: string, args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  stop.signal.throwIfAborted();
  const child = spawn(file, args, { env, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
  running = child;
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on('error', reject).on('exit', (...end) => resolve(end));
  });
  running = undefined;
  // A test file that was ended for its time may have left its test server.
  signalGroup(child, 'SIGKILL');
  return code ?? exitCodeOf(signal ?? 'SIGKILL');
}

/** As a shell reports a command that a signal ended. */
function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

function signalGroup(leader: ChildProcess, signal: NodeJS.Signals): void {
  if (leader.pid === undefined) return;
  try {
    process.kill(-leader.pid, signal);
  } catch {
    // Nobody of the group is left.
  }
}
