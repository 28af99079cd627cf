import type { Ids } from './identity.js';
import type { Storage } from './storage.js';
import type { Store } from './store.js';

/** What `path_exists` means: an error, as in production, or a second file of the same path. */
export type OnPathExists = 'refuse' | 'keep-both';

export interface GatewayState {
  workspaceDir: string;
  store: Store;
  storage: Storage;
  ids: Ids;
  onPathExists: OnPathExists;
  /** How long after it was made the listing shows a file. */
  listLagMs: number;
  now: () => number;
  /** Aborts when the gateway closes; whatever waits must end then. */
  closing: AbortSignal;
}
