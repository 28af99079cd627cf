import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { killOnExit } from './dev-server/end-with-this-process.js';
import { findPort } from './dev-server/find-port.js';

const HOST = '127.0.0.1';

/** It is up in about a second; a large database on a busy machine takes longer. */
const START_TIMEOUT_MS = 60_000;

/** One attempt to connect; short, as the port may be open before the server answers. */
const CONNECT_TIMEOUT_MS = 2_000;

const POLL_INTERVAL_MS = 50;

/** On SIGTERM it closes its database and is gone after about a second. */
const STOP_GRACE_MS = 5_000;

/** What is kept of the log, for the error of a server that did not start. */
const LOG_TAIL_CHARS = 2_000;

/** No question to the internet about newer versions. */
const DYNAMIC_CONFIG = { 'frontend.enableServerVersionCheck': 'false' };

export interface DevServerOptions {
  /** A `temporal` executable, as from `resolveDevServer`. */
  executable: string;
  /** Default: a free one. */
  port?: number;
  /** Starts the UI too: on this port, or with 0 on a free one. */
  uiPort?: number;
  /** Serves Prometheus metrics on this port, or with 0 on a free one. */
  metricsPort?: number;
  /** SQLite file that keeps everything across restarts. Default: in memory. */
  dbFile?: string;
  /** Custom search attributes to register, as `{ BctrlPhase: 'Keyword' }`. */
  searchAttributes?: Record<string, string>;
  /** Settings of the server, as `{ 'limit.historyCount.suggestContinueAsNew': '100' }`. */
  dynamicConfig?: Record<string, string>;
}

export interface DevServer {
  /** `host:port` for Temporal clients. */
  address: string;
  /** Without `uiPort` there is no UI. */
  uiUrl: string | undefined;
  /** Without `metricsPort` the server serves them too, but nobody knows where. */
  metricsUrl: string | undefined;
  pid: number;
  /** Ends the server and waits until it is gone. */
  close(): Promise<void>;
}

/**
 * The server chooses ports for its inner services and binds them a little later. Another process may take one meanwhile; the
 * server then ends, and starts well with other ports.
 */
const START_ATTEMPTS = 3;

/** Starts a Temporal server on the loopback interface; resolves once it answers for the namespace `default`. */
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

  const server = spawn(options.executable, toArguments(options, { port, uiPort, metricsPort }), {
    stdio: ['ignore', 'ignore', 'pipe'],
    // A process group of its own: Ctrl-C reaches our process only, which ends its worker before the server.
    detached: true,
  });
  await once(server, 'spawn');
  const pid = killOnExit(server);
  let log = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-LOG_TAIL_CHARS);
  });

  try {
    await untilAnswering(server, address, uiUrl);
  } catch (cause) {
    const ServerError = hasEnded(server) ? ServerEnded : Error;
    await stop(server);
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new ServerError(`The Temporal dev server did not start: ${message}\n${log}`.trimEnd(), { cause });
  }
  return { address, uiUrl, metricsUrl, pid, close: () => stop(server) };
}

/** The server ended by itself before it answered. */
class ServerEnded extends Error {}

interface Ports {
  port: number;
  uiPort: number | undefined;
  metricsPort: number | undefined;
}

function toArguments(options: DevServerOptions, { port, uiPort, metricsPort }: Ports): string[] {
  return [
    'server',
    'start-dev',
    `--ip=${HOST}`,
    `--port=${port}`,
    '--log-level=error',
    ...Object.entries({ ...DYNAMIC_CONFIG, ...options.dynamicConfig }).map(
      ([key, value]) => `--dynamic-config-value=${key}=${value}`,
    ),
    uiPort === undefined ? '--headless' : `--ui-port=${uiPort}`,
    ...(metricsPort === undefined ? [] : [`--metrics-port=${metricsPort}`]),
    ...(options.dbFile ? [`--db-filename=${options.dbFile}`] : []),
    ...Object.entries(options.searchAttributes ?? {}).map(
      ([name, type]) => `--search-attribute=${name}=${type}`,
    ),
  ];
}

async function untilAnswering(
  server: ChildProcess,
  address: string,
  uiUrl: string | undefined,
): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    if (hasEnded(server))
      throw new Error(`it ended with ${server.signalCode ?? `exit code ${server.exitCode}`}`);
    try {
      await assertAnswering(address, uiUrl);
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await sleep(POLL_INTERVAL_MS);
  }
}

async function assertAnswering(address: string, uiUrl: string | undefined): Promise<void> {
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
