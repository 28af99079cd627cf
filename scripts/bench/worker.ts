import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { API_KEY } from './gateway/gateway.js';
import type { Session } from './session.js';

const WORKER = fileURLToPath(new URL('../../dist/worker.js', import.meta.url));
const POLLS = 'worker polls task queue';

/** What is kept of the log, for the error if it crashes. */
const LOG_TAIL_CHARS = 2_000;

export interface BuiltWorker {
  readonly pid: number;
  /** From its start to the line that says that it polls. */
  readonly startMs: number;
  end(): Promise<void>;
}

/** The built worker with its prebuilt bundle, as `npm run worker` starts it. */
export async function startWorker(
  { processes, gateway, server }: Pick<Session, 'processes' | 'gateway' | 'server'>,
  taskQueue: string,
): Promise<BuiltWorker> {
  let log = '';
  const startedMs = performance.now();
  const child = processes.start([WORKER], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      TEMPORAL_ADDRESS: server.address,
      BCTRL_TASK_QUEUE: taskQueue,
      BCTRL_BASE_URL: gateway.url,
      BCTRL_API_KEY: API_KEY,
    },
    log: () => log,
  });
  const startMs = await new Promise<number>((resolve) => {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-LOG_TAIL_CHARS);
      if (log.includes(POLLS)) resolve(performance.now() - startedMs);
    });
  });
  return { pid: child.pid as number, startMs, end: () => processes.end(child) };
}
