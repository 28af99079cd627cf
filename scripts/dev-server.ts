import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { findPort } from './dev-server/find-port.js';
import { killOnExit } from './dev-server/kill-on-exit.js';

const HOST = '127.0.0.1';

/** The server needs about a second; with a large database on a busy machine it needs longer. */
const START_TIMEOUT_MS = 60_000;

/** One attempt to connect is short, as the port may be open before the server responds. */
const CONNECT_TIMEOUT_MS = 2_000;

/** Short compared with the second that the server takes to start. */
const POLL_INTERVAL_MS = 50;

/**
 * The server picks ports for its inner services and binds them a little later. If another process takes one meanwhile, the
 * server ends; started again, it picks others.
 */
const START_ATTEMPTS = 3;

/** After SIGTERM the server closes its database, and is gone after about a second. */
const STOP_GRACE_MS = 5_000;

/** Log kept for the error of a server that does not start. */
const LOG_TAIL_CHARS = 2_000;

/** The server must not ask the internet for newer versions. */
const DYNAMIC_CONFIG = { 'frontend.enableServerVersionCheck': 'false' };

export interface DevServerOptions {
  /** A `temporal` executable, such as that of `resolveDevServer`. */
  executable: string;
  /** Default: a free port. */
  port?: number;
  /** Starts the UI on this port; 0 picks a free one. */
  uiPort?: number;
  /** Where the UI has payloads decrypted. */
  uiCodecEndpoint?: string;
  /** Serves Prometheus metrics on this port; 0 picks a free one. */
  metricsPort?: number;
  /** SQLite file that keeps everything across restarts. Default: in memory. */
  dbFile?: string;
  /** Custom search attributes to register, such as `{ BctrlPhase: 'Keyword' }`. */
  searchAttributes?: Record<string, string>;
  /** Settings of the server, such as `{ 'limit.historyCount.suggestContinueAsNew': '100' }`. */
  dynamicConfig?: Record<string, string>;
}

export interface DevServer {
  /** `host:port` for Temporal clients. */
  address: string;
  /** Set if `uiPort` is. */
  uiUrl: string | undefined;
  /** Set if `metricsPort` is. */
  metricsUrl: string | undefined;
  pid: number;
  /** Ends the server and waits until it is gone. */
  close(): Promise<void>;
}

/** The server ended by itself before it responded. */
class ServerEnded extends Error {}

/** Starts a Temporal server on the loopback interface. Resolves once it responds for the namespace `default`. */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(options);
    } catch (error) {
      if (!(error instanceof ServerEnded) || attempt === START_ATTEMPTS) throw error;
    }
  }
}

async function startOnce(options: DevServerOptions): Promise<DevServer> {
  const port = await findPort(HOST, options.port);
  const uiPort = options.uiPort === undefined ? undefined : await findPort(HOST, options.uiPort);
  const metricsPort =
    options.metricsPort === undefined ? undefined : await findPort(HOST, options.metricsPort);
  const address = `${HOST}:${port}`;
  const uiUrl = uiPort === undefined ? undefined : `http://${HOST}:${uiPort}`;
  const metricsUrl = metricsPort === undefined ? undefined : `http://${HOST}:${metricsPort}/metrics`;

  const args = [
    ...['server', 'start-dev', `--ip=${HOST}`, `--port=${port}`, '--log-level=error'],
    uiPort === undefined ? '--headless' : `--ui-port=${uiPort}`,
    ...(options.uiCodecEndpoint === undefined ? [] : [`--ui-codec-endpoint=${options.uiCodecEndpoint}`]),
    ...(metricsPort === undefined ? [] : [`--metrics-port=${metricsPort}`]),
    ...(options.dbFile === undefined ? [] : [`--db-filename=${options.dbFile}`]),
    ...toFlags('dynamic-config-value', { ...DYNAMIC_CONFIG, ...options.dynamicConfig }),
    ...toFlags('search-attribute', options.searchAttributes),
  ];
  const server = spawn(options.executable, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    // In its own process group: Ctrl-C reaches our process only, which ends its worker before the server.
    detached: true,
  });
  await once(server, 'spawn');
  const pid = killOnExit(server);
  let log = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-LOG_TAIL_CHARS);
  });

  try {
    await waitUntilUp(server, address, uiUrl);
  } catch (cause) {
    const ServerError = hasEnded(server) ? ServerEnded : Error;
    await stop(server);
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new ServerError(`The Temporal dev server did not start: ${message}\n${log}`.trimEnd(), { cause });
  }
  return { address, uiUrl, metricsUrl, pid, close: () => stop(server) };
}

function toFlags(flag: string, settings: Record<string, string> = {}): string[] {
  return Object.entries(settings).map(([name, value]) => `--${flag}=${name}=${value}`);
}

async function waitUntilUp(server: ChildProcess, address: string, uiUrl: string | undefined): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    if (hasEnded(server)) {
      throw new Error(`it ended with ${server.signalCode ?? `exit code ${server.exitCode}`}`);
    }
    try {
      await assertUp(address, uiUrl);
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await sleep(POLL_INTERVAL_MS);
  }
}

async function assertUp(address: string, uiUrl: string | undefined): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: CONNECT_TIMEOUT_MS });
  try {
    await connection.workflowService.describeNamespace({ namespace: 'default' });
  } finally {
    await connection.close();
  }
  if (uiUrl) await fetch(uiUrl, { method: 'HEAD', signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) });
}

async function stop(server: ChildProcess): Promise<void> {
  if (hasEnded(server)) return;
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  const tooLong = setTimeout(() => server.kill('SIGKILL'), STOP_GRACE_MS);
  await ended;
  clearTimeout(tooLong);
}

function hasEnded(server: ChildProcess): boolean {
  return server.exitCode !== null || server.signalCode !== null;
}
