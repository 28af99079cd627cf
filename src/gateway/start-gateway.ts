import { setMaxListeners } from 'node:events';
import { mkdir, realpath } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { createApp } from './app.js';
import { createFaultMatcher } from './fault-matcher.js';
import type { FaultRule } from './faults.js';
import type { GatewayState, OnPathExists } from './gateway-state.js';
import { createIds, type IdStyle } from './identity.js';
import { createInvocation, type Invocation, type InvocationOptions } from './invocations.js';
import { createRequestStats } from './request-stats.js';
import { type GatewaySnapshot, toGatewaySnapshot } from './snapshot.js';
import { createStorage } from './storage.js';
import { openStore } from './store.js';
import { systemErrorCode } from './system-error.js';

export interface GatewayOptions {
  /** The files of a runtime lie in a folder named by its id: a lower-case UUID, or `rt_` and 22 of `0-9a-z`. The folder makes the runtime. */
  workspaceDir: string;
  /** For the durable copies (`files/`) and the journal; a gateway started on it again goes on where it ended. */
  storageDir: string;
  /**
   * The address to listen on. Default 127.0.0.1, since the API key of a local gateway protects nothing; others are for
   * where something else keeps strangers out, as in a container (`0.0.0.0`).
   */
  host?: string;
  /** Default 0: any free port. */
  port?: number;
  /** Default `['local-development-key']`. */
  apiKeys?: readonly string[];
  /** Default `refuse`; `keep-both` makes duplicates possible. */
  onPathExists?: OnPathExists;
  /** Default `uuid`. A storage keeps the ids that it has. */
  idStyle?: IdStyle;
  /**
   * `GET /v1/files` shows a file only this long after it was made; all else knows it at once. Default 0.
   */
  listLagMs?: number;
  faults?: readonly FaultRule[];
  /** For the faults' random numbers; default 1. */
  seed?: number;
  /** Milliseconds since the epoch; default `Date.now`. */
  now?: () => number;
}

/** A bctrl API on this machine. */
export interface Gateway {
  /** As seen from this machine, without `/v1` and without a trailing slash. */
  readonly url: string;
  /** Drops all connections, ends all waits, and resolves when nothing is being handled any more. */
  close(): Promise<void>;
  /** Replaces all rules; counting and random numbers start afresh. */
  setFaults(rules: readonly FaultRule[]): void;
  /** Rejects if there is no such runtime or it has been stopped. */
  createInvocation(options: InvocationOptions): Promise<Invocation>;
  snapshot(): GatewaySnapshot;
}

export const DEFAULT_HOST = '127.0.0.1';

/** To listen on all addresses is one thing; to be connected to takes one of them. */
const LOOPBACK_OF = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { workspaceDir, storageDir, apiKeys = ['local-development-key'], seed = 1, now = Date.now } = options;
  const { host = DEFAULT_HOST } = options;
  await mkdir(workspaceDir, { recursive: true });
  const storage = await createStorage(storageDir);
  const store = await openStore(storageDir, now);
  const closing = new AbortController();
  // Every wait listens to it, so many listeners are no leak.
  setMaxListeners(0, closing.signal);
  const state: GatewayState = {
    workspaceDir: await realpath(workspaceDir),
    store,
    storage,
    ids: createIds(options.idStyle ?? 'uuid'),
    onPathExists: options.onPathExists ?? 'refuse',
    listLagMs: options.listLagMs ?? 0,
    now,
    closing: closing.signal,
  };

  const stats = createRequestStats();
  let matcher = createFaultMatcher(options.faults ?? [], seed);
  const controls = {
    stats,
    matcher: () => matcher,
    snapshot: () => toGatewaySnapshot(store, stats),
    setFaults: (rules: readonly FaultRule[]) => {
      matcher = createFaultMatcher(rules, seed);
    },
    createInvocation: (invocation: InvocationOptions) => createInvocation(state, invocation),
  };

  let url = '';
  const app = createApp({ state, controls, apiKeys, baseUrl: () => url });
  const beingHandled = new Set<Promise<unknown>>();
  const server = createAdaptorServer({
    fetch(request, env) {
      const answer = Promise.resolve(app.fetch(request, env));
      beingHandled.add(answer);
      const forget = () => beingHandled.delete(answer);
      answer.then(forget, forget);
      return answer;
    },
    // The gateway may run inside somebody's tests, whose globals are not ours to replace.
    overrideGlobalObjects: false,
  }) as Server;
  try {
    url = toUrl(host, await listen(server, host, options.port ?? 0));
  } catch (error) {
    await store.close();
    throw error;
  }

  return {
    url,
    async close() {
      closing.abort();
      server.close();
      server.closeAllConnections();
      await Promise.allSettled(beingHandled);
      await store.close();
    },
    setFaults: controls.setFaults,
    createInvocation: async (invocation) => controls.createInvocation(invocation),
    snapshot: controls.snapshot,
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      const inUse = systemErrorCode(error) === 'EADDRINUSE';
      reject(inUse ? new Error(`port ${port} is already in use`, { cause: error }) : error);
    };
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function toUrl(host: string, port: number): string {
  const reachable = LOOPBACK_OF.get(host) ?? host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
