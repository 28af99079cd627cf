import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type FaultRule, type Gateway, startGateway } from '../src/testing.js';
import { type DevServer, startDevServer } from './dev-server.js';
import { resolveDevServer } from './temporal-servers.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const workspaceDir = join(root, 'examples/workspace');
const RUNTIME_ID = '3f2b8c1e-5a4d-4e6f-9b70-1c2d3e4f5a6b';
const files = ['results.csv', 'screenshots/checkout.png', 'logs/agent.log', 'reports/2026/summary.json'];

/** Long enough to see the pipeline wait. */
const JOB_MS = 4_000;

/** One of each kind that a pipeline meets: a refusal, a request to slow down, an answer that is lost after the copy. */
const faults: FaultRule[] = [
  { operation: 'collect', runtimePath: 'results.csv', times: 1, fault: { kind: 'respond', status: 503 } },
  {
    operation: 'collect',
    runtimePath: 'logs/agent.log',
    times: 1,
    fault: { kind: 'respond', status: 429, headers: { 'retry-after': '2' } },
  },
  {
    operation: 'collect',
    runtimePath: 'screenshots/checkout.png',
    times: 1,
    fault: { kind: 'drop-response' },
  },
];

/** A worker that is told to stop hands its work back, which takes no longer. */
const STOP_GRACE_MS = 5_000;

/** What is shown of the log of a worker that failed. */
const LOG_TAIL_CHARS = 2_000;

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => interrupt.abort());
}
const closers: (() => Promise<unknown>)[] = [];
const log = (line = '') => console.log(line);

try {
  process.exitCode = await demo();
} catch (error) {
  const problem = error instanceof Error ? error.message : String(error);
  if (!interrupt.signal.aborted) console.error(`demo: ${problem}`);
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
} finally {
  for (const close of closers.reverse()) await close();
}

async function demo(): Promise<number> {
  const staysUp = process.stdout.isTTY && !process.argv.includes('--exit');
  const temporal = await startTemporal();
  const { gateway, storageDir } = await startLocalGateway();
  const env = {
    ...process.env,
    BCTRL_API_KEY: 'local-development-key',
    BCTRL_BASE_URL: gateway.url,
    BCTRL_TEMPORAL_UI_URL: temporal.uiUrl,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: 'default',
  };
  log(`Temporal server   ${temporal.address}, UI ${temporal.uiUrl}`);
  log(`local gateway     ${gateway.url}`);
  await once(run('dist/starter.js', ['setup'], env, 'ignore'), 'exit');
  const worker = startWorker(env);

  const job = await gateway.createInvocation({ runtimeId: RUNTIME_ID, durationMs: JOB_MS });
  const argv = ['start', RUNTIME_ID, ...files, '--invocation', job.id, '--wait'];
  log(`\n$ bctrl-temporal ${argv.join(' ')}\n`);
  const starter = run('dist/starter.js', argv, env, 'inherit');
  const [exitCode] = await Promise.race([once(starter, 'exit', { signal: interrupt.signal }), worker.failed]);
  if (exitCode !== 0) return exitCode ?? 1;

  await showCopies(gateway, storageDir);
  if (staysUp) {
    log(`\nLook around in the Temporal UI: ${temporal.uiUrl}\nCtrl-C ends the demo.`);
    await sleep(2 ** 31 - 1, undefined, { signal: interrupt.signal }).catch(() => undefined);
  }
  return 0;
}

async function startTemporal(): Promise<DevServer & { uiUrl: string }> {
  const executable = await resolveDevServer({ signal: interrupt.signal });
  const server = await startDevServer({ executable, uiPort: 0 });
  closers.push(server.close);
  const { uiUrl } = server;
  if (uiUrl === undefined) throw new Error('the Temporal server has no UI');
  return { ...server, uiUrl };
}

async function startLocalGateway(): Promise<{ gateway: Gateway; storageDir: string }> {
  await mkdir(join(root, '.demo'), { recursive: true });
  const storageDir = await mkdtemp(join(root, '.demo/storage-'));
  const gateway = await startGateway({ workspaceDir, storageDir, faults });
  closers.push(() => gateway.close());
  return { gateway, storageDir };
}

function startWorker(env: NodeJS.ProcessEnv): { failed: Promise<never> } {
  const worker = run('dist/worker.js', [], env, ['ignore', 'ignore', 'pipe']);
  let log = '';
  worker.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-LOG_TAIL_CHARS);
  });
  const ended = once(worker, 'exit');
  closers.push(async () => {
    worker.kill('SIGTERM');
    const tooLong = setTimeout(() => worker.kill('SIGKILL'), STOP_GRACE_MS);
    await ended;
    clearTimeout(tooLong);
  });
  const failed = ended.then(([code]) => {
    throw new Error(`the worker ended with exit code ${code}\n${log}`);
  });
  failed.catch(() => undefined);
  return { failed };
}

function run(script: string, argv: string[], env: NodeJS.ProcessEnv, stdio: StdioOptions): ChildProcess {
  return spawn(process.execPath, [join(root, script), ...argv], { env, stdio });
}

/** Compares what lies in the storage with what the job left, byte by byte. */
async function showCopies(gateway: Gateway, storageDir: string): Promise<void> {
  const committed = gateway.snapshot().files;
  log('\nThe copies:');
  for (const { runtimePath, path } of committed) {
    const copy = join(storageDir, 'files', path);
    const source = await readFile(join(workspaceDir, RUNTIME_ID, runtimePath ?? ''));
    if (!source.equals(await readFile(copy))) throw new Error(`${copy} differs from ${runtimePath}`);
    log(`  ${relative(root, copy)}  identical, ${source.length} bytes`);
  }
  if (committed.length !== files.length)
    throw new Error(`there are ${committed.length} files, not ${files.length}`);
  log(`Each of the ${files.length} files is there exactly once.`);
}
