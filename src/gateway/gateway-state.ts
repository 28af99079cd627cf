import type { Fault, FaultMatcher, Operation } from './faults.js';
import type { Ids } from './ids.js';
import type { Storage } from './storage.js';
import type { Store } from './store.js';

/** How a collect to the path of an existing file ends: `refuse` with a 409, as in production; `keep-both` with a second file. */
export type OnPathExists = 'refuse' | 'keep-both';

/** What the request handlers share. */
export interface GatewayState {
  /** The real path of the folder that holds one workspace folder per runtime. */
  readonly workspaceDir: string;
  readonly store: Store;
  readonly storage: Storage;
  readonly ids: Ids;
  /** Host names that requests may name, besides those of this machine. */
  readonly hostNames: readonly string[];
  /** The API keys that are accepted now. */
  apiKeys: ReadonlySet<string>;
  readonly faults: FaultMatcher;
  readonly stats: RequestStats;
  readonly onPathExists: OnPathExists;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds on a clock that never steps. */
  readonly monotonicNow: () => number;
  /** Aborts when the gateway closes; every wait and delay ends then. */
  readonly closing: AbortSignal;
  /** Where clients reach the gateway, without a trailing slash; empty until it listens. */
  baseUrl: string;
}

/** Requests and responses since this process started. */
export interface RequestStats {
  /** Requests by operation, with and without a valid API key. */
  requests: Partial<Record<Operation, number>>;
  /** Complete responses by status; a request whose connection a fault closed has none. */
  responses: Partial<Record<Operation, Record<string, number>>>;
  /** Requests that met a fault, by its kind. */
  faults: Partial<Record<Fault['kind'], number>>;
  /** Requests being handled now. */
  inFlight: number;
  /** The highest `inFlight` so far. */
  maxInFlight: number;
}

export function increment<Key extends string>(counts: Partial<Record<Key, number>>, key: Key): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
