import { type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type FaultRule, type Gateway, startGateway } from '../src/testing.js';
import { startDevServer } from './dev-server.js';
import { resolveDevServer } from './temporal-servers.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const workspaceDir = join(root, 'examples/workspace');
const RUNTIME_ID = '3f2b8c1e-5a4d-4e6f-9b70-1c2d3e4f5a6b';
const files = ['results.csv', 'screenshots/checkout.png', 'logs/agent.log', 'reports/2026/summary.json'];

/** Long enough to see the pipeline wait. */
const JOB_MS = 4_000;

/** One fault of each kind: a failure, a rate limit, and a response that is lost after the file was made. */
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

/** A worker needs less to hand its work back after SIGTERM. */
const STOP_GRACE_MS = 5_000;

/** Log shown of a worker that failed. */
const LOG_TAIL_CHARS = 2_000;

const interrupt = new AbortController();
const { signal } = interrupt;
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupt.abort());
const closers: (() => Promise<unknown>)[] = [];

try {
  process.exitCode = await demo();
} catch (error) {
  const problem = error instanceof Error ? error.message : String(error);
  if (!signal.aborted) console.error(`demo: ${problem}`);
  process.exitCode = signal.aborted ? 130 : 1;
} finally {
  for (const close of closers.reverse()) await close();
}

async function demo(): Promise<number> {
  const staysUp = process.stdout.isTTY && !process.argv.includes('--exit');
  const temporal = await startDevServer({ executable: await resolveDevServer({ signal }), uiPort: 0 });
  closers.push(temporal.close);
  await mkdir(join(root, '.demo'), { recursive: true });
  const storageDir = await mkdtemp(join(root, '.demo/storage-'));
  const gateway = await startGateway({ workspaceDir, storageDir, faults });
  closers.push(() => gateway.close());
  const env = {
    ...process.env,
    BCTRL_API_KEY: 'local-development-key',
    BCTRL_BASE_URL: gateway.url,
    BCTRL_TEMPORAL_UI_URL: temporal.uiUrl,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: 'default',
  };
  console.log(`Temporal server   ${temporal.address}, UI ${temporal.uiUrl}`);
  console.log(`local gateway     ${gateway.url}`);
  await once(run('starter', ['setup'], env, 'ignore'), 'exit');
  const workerFailed = startWorker(env);

  const job = await gateway.createInvocation({ runtimeId: RUNTIME_ID, durationMs: JOB_MS });
  const argv = ['start', RUNTIME_ID, ...files, '--invocation', job.id, '--wait'];
  console.log(`\n$ bctrl-temporal ${argv.join(' ')}\n`);
  // On a terminal the retries make room for the report.
  console.log(`${describeFaults()}\n`);
  const starter = run('starter', argv, env, 'inherit');
  const [exitCode] = await Promise.race([once(starter, 'exit', { signal }), workerFailed]);
  if (exitCode !== 0) return exitCode ?? 1;

  await compareCopies(gateway, storageDir);
  if (staysUp) {
    console.log(`\nLook around in the Temporal UI: ${temporal.uiUrl}\nCtrl-C ends the demo.`);
    await sleep(2 ** 31 - 1, undefined, { signal }).catch(() => undefined);
  }
  return 0;
}

function describeFaults(): string {
  const lines = faults.map(({ runtimePath, fault }) => {
    const what = fault.kind === 'respond' ? `responds ${fault.status}` : 'loses the response';
    return `  to the first request for ${runtimePath}, the gateway ${what}`;
  });
  return ['Faults on the way:', ...lines].join('\n');
}

/** Starts the worker. Rejects when it ends. */
function startWorker(env: NodeJS.ProcessEnv): Promise<never> {
  const worker = run('worker', [], env, ['ignore', 'ignore', 'pipe']);
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
  return failed;
}

function run(name: string, argv: string[], env: NodeJS.ProcessEnv, stdio: StdioOptions) {
  return spawn(process.execPath, [join(root, `dist/${name}.js`), ...argv], { env, stdio });
}

/** Compares the copies in the storage with the files of the job, byte by byte. */
async function compareCopies(gateway: Gateway, storageDir: string): Promise<void> {
  const committed = gateway.snapshot().files;
  console.log('\nThe copies:');
  for (const { runtimePath, path } of committed) {
    const copy = join(storageDir, 'files', path);
    const source = await readFile(join(workspaceDir, RUNTIME_ID, runtimePath ?? ''));
    if (!source.equals(await readFile(copy))) throw new Error(`${copy} differs from ${runtimePath}`);
    console.log(`  ${relative(root, copy)}  identical, ${source.length} bytes`);
  }
  if (committed.length !== files.length) {
    throw new Error(`there are ${committed.length} files, not ${files.length}`);
  }
  console.log(`Each of the ${files.length} files is there exactly once.`);
}
