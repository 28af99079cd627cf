import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { resolveBrowser } from './browser.js';
import { resolveDevServer, resolveTestServer } from './temporal-servers.js';
import { parseTestArguments } from './test-arguments.js';

/** Per test file and per test. On a busy machine, one that takes longer hangs. */
const TEST_TIMEOUT_MS = 15 * 60_000;

/** Folders whose tests need a build, a Temporal server, a browser or Go. `--fast` leaves them out. */
const SLOW_TESTS =
  /^test\/((client|docker|e2e|examples|library|package|replay|scripts|types|ui|worker|workflows)\/|(client|plugin)\.test\.ts)/;
const BROWSER_TESTS = /^test\/ui\//;

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
  const args = process.argv.slice(2);
  exitCode = args[0] === '--fast' ? await runFastTests(args.slice(1)) : await runTests(args);
} catch (error) {
  if (!stoppedBy) console.error(error instanceof Error ? error.message : error);
  // Another download or build may still run.
  stop.abort();
}
process.exitCode = stoppedBy ? toExitCode(stoppedBy) : exitCode;

async function runFastTests(args: readonly string[]): Promise<number> {
  const { files, flags } = parseTestArguments(args, 'test');
  const fast = files.filter((file) => !SLOW_TESTS.test(file));
  if (fast.length === 0) throw new Error('None of these tests is fast: use npm test');
  return await runNode(fast, flags, process.env);
}

async function runTests(args: readonly string[]): Promise<number> {
  const { files, flags } = parseTestArguments(args, 'test');
  const built = await run('npm', ['run', '--silent', 'build'], process.env);
  if (built !== 0) return built;

  const io = { signal: stop.signal };
  const [devServer, testServer, browser] = await Promise.all([
    resolveDevServer(io),
    resolveTestServer(io),
    files.some((file) => BROWSER_TESTS.test(file)) ? resolveBrowser(io) : undefined,
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

/** Runs a command in its own process group, so that a signal reaches all of it exactly once. Returns its exit code. */
async function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  stop.signal.throwIfAborted();
  const child = spawn(file, args, { env, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
  running = child;
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on('error', reject).on('exit', (...end) => resolve(end));
  });
  running = undefined;
  // A test file that was killed after its timeout may have left its server.
  signalGroup(child, 'SIGKILL');
  return code ?? toExitCode(signal ?? 'SIGKILL');
}

/** The exit code that a shell reports for a command that a signal ended. */
function toExitCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

function signalGroup(leader: ChildProcess, signal: NodeJS.Signals): void {
  if (leader.pid === undefined) return;
  try {
    process.kill(-leader.pid, signal);
  } catch {
    // The group is gone.
  }
}
