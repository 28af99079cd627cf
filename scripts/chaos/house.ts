import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { searchAttributes } from '../../src/shared/search-attributes.js';
import { resolveDevServer } from '../temporal-servers.js';
import { Children } from './children.js';
import { type FaultyProxy, startFaultyProxy } from './faulty-proxy.js';
import { GatewayServer } from './gateway-server.js';
import { TemporalServer } from './temporal-server.js';
import { REQUEST_TIMEOUT_MS, WorkerServer } from './worker-server.js';

export const TASK_QUEUE = 'chaos';

const API_KEY = 'local-development-key';

/** A small pipeline stays below it, one of many small batches does not. */
const SUGGEST_CONTINUE_AS_NEW_EVENTS = '120';

/** Few enough to be full soon, so that the caches do not look like a leak. */
const MAX_CACHED_WORKFLOWS = '20';

/** A run takes minutes: the times of a production worker would let it see few retries. */
const COMPRESSED_TIMES = {
  BCTRL_REQUEST_TIMEOUT: `${REQUEST_TIMEOUT_MS}ms`,
  BCTRL_LIST_SETTLE_TIME: '5s',
  BCTRL_SHUTDOWN_GRACE_TIME: '5s',
};

/** Everything that a run starts: a Temporal server, a gateway behind a faulty proxy, and workers. */
export interface House {
  readonly dir: string;
  readonly children: Children;
  readonly temporal: TemporalServer;
  readonly gateway: GatewayServer;
  readonly proxy: FaultyProxy;
  readonly workers: readonly WorkerServer[];
  readonly client: Client;
  /** The environment of a CLI process. */
  readonly cliEnv: Readonly<Record<string, string>>;
  readonly workspaceDir: string;
  readonly storageDir: string;
}

interface HouseOptions {
  readonly dir: string;
  readonly runId: string;
  readonly seed: number;
  readonly workers: number;
  readonly signal: AbortSignal;
  /** Receives what has to be closed, in the order in which it was started. */
  readonly onEnd: (end: () => Promise<unknown>) => void;
}

export async function openHouse({
  dir,
  runId,
  seed,
  workers: count,
  signal,
  onEnd,
}: HouseOptions): Promise<House> {
  const executable = await resolveDevServer({ signal });
  const children = new Children(dir, runId);
  const temporal = new TemporalServer({
    executable,
    dbFile: join(dir, 'temporal.db'),
    dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': SUGGEST_CONTINUE_AS_NEW_EVENTS },
    searchAttributes: Object.fromEntries(
      Object.values(searchAttributes).map(({ name, type }) => [name, type === 'INT' ? 'Int' : 'Keyword']),
    ),
  });
  await temporal.start();
  onEnd(() => temporal.end('SIGTERM'));
  onEnd(() => children.endAll());
  const [workspaceDir, storageDir] = [join(dir, 'workspace'), join(dir, 'storage')];
  await mkdir(workspaceDir);
  const gateway = await GatewayServer.start(children, { workspaceDir, storageDir, seed });
  const proxy = await startFaultyProxy(gateway.port);
  onEnd(() => proxy.close());
  const cliEnv = { TEMPORAL_ADDRESS: temporal.address, BCTRL_TASK_QUEUE: TASK_QUEUE };
  const env = {
    ...cliEnv,
    ...COMPRESSED_TIMES,
    BCTRL_BASE_URL: `http://127.0.0.1:${proxy.port}`,
    BCTRL_API_KEY: API_KEY,
    BCTRL_LOG_FORMAT: 'json',
    BCTRL_MAX_CACHED_WORKFLOWS: MAX_CACHED_WORKFLOWS,
  };
  const workers = Array.from(
    { length: count },
    (_, index) => new WorkerServer(`worker ${index + 1}`, { children, temporal, env, signal }),
  );
  await Promise.all(workers.map((worker) => worker.start()));
  const connection = await Connection.connect({ address: temporal.address });
  onEnd(() => connection.close());
  const client = new Client({ connection });
  return { dir, children, temporal, gateway, proxy, workers, client, cliEnv, workspaceDir, storageDir };
}
