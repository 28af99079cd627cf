import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findPort } from '../../scripts/dev-server/find-port.js';
import { API_KEY, type ApiResponse, callApi } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';

export const DIST = fileURLToPath(new URL('../../dist', import.meta.url));

interface BuiltWorkerOptions {
  /** `host:port` of the Temporal server. */
  readonly address: string;
  readonly gatewayUrl: string;
  readonly taskQueue: string;
  /** The folder of the built package. */
  readonly dist?: string;
  /** Further variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** A file descriptor or a closed pipe. Default: a pipe whose text is kept. */
  readonly stderr?: number | 'closed-pipe';
}

interface BuiltWorker {
  readonly child: ChildProcess;
  /** The exit code or the signal that killed it, and the log. */
  readonly ended: Promise<{ end: unknown; stderr: string }>;
  /** Rejects if nothing listens. */
  health(path: '/livez' | '/readyz'): Promise<ApiResponse>;
  /** Resolves when the path responds with the status. Rejects if the worker ends before. */
  waitForHealth(path: '/livez' | '/readyz', status: number): Promise<ApiResponse>;
}

/** Starts the built worker with its health endpoints, as its log may be unreadable. Killed when the test ends. */
export async function startBuiltWorker(t: TestContext, options: BuiltWorkerOptions): Promise<BuiltWorker> {
  const { address, gatewayUrl, taskQueue, dist = DIST, env, stderr } = options;
  const healthAddress = `127.0.0.1:${await findPort('127.0.0.1')}`;
  const child = spawn(process.execPath, [join(dist, 'worker.js')], {
    env: {
      PATH: process.env['PATH'],
      TEMPORAL_ADDRESS: address,
      BCTRL_TASK_QUEUE: taskQueue,
      BCTRL_BASE_URL: gatewayUrl,
      BCTRL_API_KEY: API_KEY,
      BCTRL_HEALTH_ADDRESS: healthAddress,
      ...env,
    },
    // The repository may hold a developer's .env.
    cwd: tmpdir(),
    stdio: ['ignore', 'inherit', typeof stderr === 'number' ? stderr : 'pipe'],
  });
  let log = '';
  if (stderr === 'closed-pipe') child.stderr?.destroy();
  else child.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
  const ended = once(child, 'close').then(([code, signal]) => ({ end: code ?? signal, stderr: log }));
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });

  const health: BuiltWorker['health'] = (path) => callApi(`http://${healthAddress}`, 'GET', path);
  const waitForHealth: BuiltWorker['waitForHealth'] = async (path, status) => {
    return await waitFor(`status ${status} from ${path}`, async () => {
      if (child.exitCode !== null) throw new Error(`The worker ended with ${child.exitCode}: ${log}`);
      const response = await health(path).catch(() => undefined);
      return response?.status === status && response;
    });
  };
  return { child, ended, health, waitForHealth };
}
