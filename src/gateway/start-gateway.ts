import { once, setMaxListeners } from 'node:events';
import { realpath } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import { type GatewaySnapshot, takeSnapshot } from './admin-api.js';
import { createApp } from './app.js';
import { createFaultMatcher, type FaultRule } from './faults.js';
import { createFolders, type Folders, makeFolder } from './folders.js';
import type { GatewayState, OnPathExists } from './gateway-state.js';
import { createIds, type IdStyle } from './ids.js';
import { createInvocation, type Invocation } from './invocations.js';
import { lockStorage } from './lock-storage.js';
import { createStorage, type Storage, systemErrorCode } from './storage.js';
import { openStore, type Store } from './store.js';
import type { InvocationOptions } from './stored.js';
import { type WorkspaceFiles, writeWorkspaceFiles } from './workspace.js';

/** Options of `startGateway`, all of which have a default. */
export interface GatewayOptions {
  /**
   * One folder per runtime, named by the runtime's id: a lower-case UUID, or `rt_` and 22 characters of `0-9a-z`.
   * Creating the folder creates the runtime. Default: a temporary folder.
   */
  workspaceDir?: string;
  /**
   * Holds the collected files (`files/`) and the journal. A gateway that is started on it again continues with both. Default:
   * a temporary folder.
   */
  storageDir?: string;
  /**
   * The address to listen on. Default 127.0.0.1. The API key of a local gateway protects nothing, so listen on another
   * address only where strangers are kept out by other means, as in a container (`0.0.0.0`).
   */
  host?: string;
  /**
   * Host names by which clients reach it, besides `localhost` and `host`, such as `host.docker.internal`. A request by
   * another name is refused with a 403, so that no web page reaches it; addresses are always served. Default: none.
   */
  allowHosts?: readonly string[];
  /** Default 0: any free port. */
  port?: number;
  /** Default `['local-development-key']`. */
  apiKeys?: readonly string[];
  /** Default `refuse`; `keep-both` allows duplicates. */
  onPathExists?: OnPathExists;
  /** Default `uuid`. Ids that are in the storage already keep their style. */
  idStyle?: IdStyle;
  /** How long `GET /v1/files` hides a new file; every other endpoint shows it at once. Default 0. */
  listLagMs?: number;
  /** What goes wrong from the start. Default: nothing. */
  faults?: readonly FaultRule[];
  /** Seed of the faults' random numbers. Default 1. */
  seed?: number;
  /** Milliseconds since the epoch. Default `Date.now`. */
  now?: () => number;
  /** Milliseconds on a clock that never steps, which `listLagMs` is counted by. Default `performance.now`. */
  monotonicNow?: () => number;
}

/** A bctrl API on this machine. */
export interface Gateway extends AsyncDisposable {
  /** The URL for clients on this machine, without `/v1` and without a trailing slash. */
  readonly url: string;
  /** The first API key that it was started with. */
  readonly apiKey: string;
  /** One folder per runtime. */
  readonly workspaceDir: string;
  /** Holds the collected files, below `files/`. */
  readonly storageDir: string;
  /** Creates a runtime with these files in its workspace. Returns its id. */
  createRuntime(files?: WorkspaceFiles): Promise<string>;
  /** Writes files into the workspace of a runtime, as its jobs do. */
  writeFiles(runtimeId: string, files: WorkspaceFiles): Promise<void>;
  /** Rejects if the runtime does not exist or is stopped. */
  createInvocation(options: InvocationOptions): Promise<Invocation>;
  /** Replaces all rules; counters and random numbers start afresh. */
  setFaults(rules: readonly FaultRule[]): void;
  /** Replaces the API keys that it accepts. Requests that it is handling are not affected. */
  setApiKeys(apiKeys: readonly string[]): void;
  /** What the gateway did so far: its files and counts of requests, responses and faults. */
  snapshot(): GatewaySnapshot;
  /**
   * Closes all connections, ends all waits, and removes temporary folders. It resolves when no request is being handled any
   * more. `await using` calls it too.
   */
  close(): Promise<void>;
}

export const DEFAULT_HOST = '127.0.0.1';

const DEFAULT_API_KEY = 'local-development-key';

/** Starts a gateway. Without options it has temporary folders and any free port. */
export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const folders = await createFolders(options);
  try {
    return await startOn(folders, options);
  } catch (error) {
    await folders.removeTemporary();
    throw error;
  }
}

async function startOn(folders: Folders, options: GatewayOptions): Promise<Gateway> {
  await makeFolder('workspace', folders.workspaceDir);
  await makeFolder('storage', folders.storageDir);
  const { now = Date.now, monotonicNow = () => performance.now(), listLagMs = 0 } = options;
  const cleanUps: (() => Promise<void>)[] = [];
  const release = async () => {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  };
  try {
    // Before anything in the storage is changed.
    cleanUps.push(await lockStorage(folders.storageDir));
    const storage = await createStorage(folders.storageDir);
    const store = await openStore(folders.storageDir, { now, monotonicNow, listLagMs });
    cleanUps.push(() => store.close());
    const resources = { ...folders, storage, store, release };
    return await serve(resources, { ...options, now, monotonicNow });
  } catch (error) {
    await release();
    throw error;
  }
}

/** What a gateway has while it runs. */
interface Resources extends Folders {
  readonly storage: Storage;
  readonly store: Store;
  /** Closes the store and unlocks the storage. */
  release(): Promise<void>;
}

async function serve(
  { workspaceDir, storageDir, storage, store, release, removeTemporary }: Resources,
  options: GatewayOptions & Required<Pick<GatewayOptions, 'now' | 'monotonicNow'>>,
): Promise<Gateway> {
  const { host = DEFAULT_HOST, apiKeys = [DEFAULT_API_KEY], now, monotonicNow } = options;
  const closing = new AbortController();
  // Every delayed request adds a listener, so many listeners are no leak.
  setMaxListeners(0, closing.signal);
  const state: GatewayState = {
    workspaceDir: await realpath(workspaceDir),
    store,
    storage,
    ids: createIds(options.idStyle ?? 'uuid'),
    hostNames: [host, ...(options.allowHosts ?? [])],
    apiKeys: new Set(apiKeys),
    faults: createFaultMatcher(options.faults ?? [], options.seed ?? 1),
    stats: { requests: {}, responses: {}, faults: {}, inFlight: 0, maxInFlight: 0 },
    onPathExists: options.onPathExists ?? 'refuse',
    now,
    monotonicNow,
    closing: closing.signal,
    baseUrl: '',
  };

  const app = createApp(state);
  const pendingResponses = new Set<Promise<unknown>>();
  const server = createAdaptorServer({
    fetch(request, env) {
      const response = Promise.resolve(app.fetch(request, env));
      pendingResponses.add(response);
      const remove = () => pendingResponses.delete(response);
      response.then(remove, remove);
      return response;
    },
    // The gateway may run inside other tests, whose globals it must not replace.
    overrideGlobalObjects: false,
  }) as Server;
  const { port = 0 } = options;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw toListenError(error, host, port);
  }
  state.baseUrl = toUrl(host, server.address() as AddressInfo);

  const writeFiles = (runtimeId: string, files: WorkspaceFiles) =>
    writeWorkspaceFiles(join(state.workspaceDir, runtimeId), files);
  const stop = async () => {
    closing.abort();
    server.close();
    server.closeAllConnections();
    await Promise.allSettled(pendingResponses);
    await release();
    await removeTemporary();
  };
  let stopped: Promise<void> | undefined;
  const close = () => {
    stopped ??= stop();
    return stopped;
  };
  return {
    url: state.baseUrl,
    apiKey: apiKeys[0] ?? '',
    workspaceDir,
    storageDir,
    async createRuntime(files = {}) {
      const id = state.ids.create('runtime');
      await writeFiles(id, files);
      return id;
    },
    writeFiles,
    createInvocation: async (invocation) => createInvocation(state, invocation),
    setFaults: (rules) => state.faults.setRules(rules),
    setApiKeys: (accepted) => {
      state.apiKeys = new Set(accepted);
    },
    snapshot: () => takeSnapshot(state),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function toListenError(error: unknown, host: string, port: number): unknown {
  switch (systemErrorCode(error)) {
    case 'EADDRINUSE':
      return new Error(`port ${port} is already in use`, { cause: error });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Error(`${host} is no address of this machine`, { cause: error });
    default:
      return error;
  }
}

/** A server may listen on all addresses; a client connects to one. */
const loopbackAddresses = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);

function toUrl(host: string, { port }: AddressInfo): string {
  const address = loopbackAddresses.get(host) ?? host;
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}
