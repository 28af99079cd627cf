import type { RequestStats } from './request-stats.js';
import type { Store } from './store.js';

/** What the gateway really did, whatever its clients believe. */
export interface GatewaySnapshot extends RequestStats {
  /** All that were ever committed, also before a restart; oldest first. */
  files: CommittedFile[];
}

export interface CommittedFile {
  id: string;
  path: string;
  /** As sent to collect; null for the archive of an export. */
  runtimePath: string | null;
  runtimeId: string;
  metadata: Record<string, unknown> | null;
  createdAt: string;
}

export function toGatewaySnapshot(store: Store, stats: RequestStats): GatewaySnapshot {
  const files = store.files.all.map(({ id, path, runtimePath, runtimeId, metadata, createdAt }) => ({
    id,
    path,
    runtimePath,
    runtimeId,
    metadata,
    createdAt: new Date(createdAt).toISOString(),
  }));
  return { ...structuredClone(stats), files };
}
