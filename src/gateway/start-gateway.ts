import { once, setMaxListeners } from 'node:events';
import { mkdir, realpath } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { type GatewaySnapshot, takeSnapshot } from './admin-api.js';
import { createApp } from './app.js';
import { createFaultMatcher, type FaultRule } from './faults.js';
import type { GatewayState, OnPathExists } from './gateway-state.js';
import { createIds, type IdStyle } from './ids.js';
import { createInvocation, type Invocation } from './invocations.js';
import { createStorage, systemErrorCode } from './storage.js';
import { type InvocationOptions, openStore } from './store.js';

export interface GatewayOptions {
  /**
   * One folder per runtime, named by the runtime's id: a lower-case UUID, or `rt_` and 22 characters of `0-9a-z`.
   * Creating the folder creates the runtime.
   */
  workspaceDir: string;
  /** Holds the collected files (`files/`) and the journal. A gateway that is started on it again continues with both. */
  storageDir: string;
  /**
   * The address to listen on. Default 127.0.0.1. The API key of a local gateway protects nothing, so listen on another
   * address only where strangers are kept out by other means, as in a container (`0.0.0.0`).
   */
  host?: string;
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
}

/** A bctrl API on this machine. */
export interface Gateway {
  /** The URL for clients on this machine, without `/v1` and without a trailing slash. */
  readonly url: string;
  /** Closes all connections, ends all waits, and resolves when no request is being handled any more. */
  close(): Promise<void>;
  /** Replaces all rules; counters and random numbers start afresh. */
  setFaults(rules: readonly FaultRule[]): void;
  /** Rejects if the runtime does not exist or is stopped. */
  createInvocation(options: InvocationOptions): Promise<Invocation>;
  /** What the gateway did so far: its files and counts of requests, responses and faults. */
  snapshot(): GatewaySnapshot;
}

export const DEFAULT_HOST = '127.0.0.1';

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { workspaceDir, storageDir, host = DEFAULT_HOST, now = Date.now } = options;
  await mkdir(workspaceDir, { recursive: true });
  const storage = await createStorage(storageDir);
  const store = await openStore(storageDir, now);
  const closing = new AbortController();
  // Every delayed request adds a listener, so many listeners are no leak.
  setMaxListeners(0, closing.signal);
  const state: GatewayState = {
    workspaceDir: await realpath(workspaceDir),
    store,
    storage,
    ids: createIds(options.idStyle ?? 'uuid'),
    faults: createFaultMatcher(options.faults ?? [], options.seed ?? 1),
    stats: { requests: {}, responses: {}, faults: {}, inFlight: 0, maxInFlight: 0 },
    onPathExists: options.onPathExists ?? 'refuse',
    listLagMs: options.listLagMs ?? 0,
    now,
    closing: closing.signal,
    baseUrl: '',
  };

  const app = createApp(state, options.apiKeys ?? ['local-development-key']);
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
    await store.close();
    const inUse = systemErrorCode(error) === 'EADDRINUSE';
    throw inUse ? new Error(`port ${port} is already in use`, { cause: error }) : error;
  }
  state.baseUrl = toUrl(host, server.address() as AddressInfo);

  return {
    url: state.baseUrl,
    async close() {
      closing.abort();
      server.close();
      server.closeAllConnections();
      await Promise.allSettled(pendingResponses);
      await store.close();
    },
    setFaults: (rules) => state.faults.setRules(rules),
    createInvocation: async (invocation) => createInvocation(state, invocation),
    snapshot: () => takeSnapshot(state),
  };
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
