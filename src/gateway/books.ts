import type { Ledger } from './ledger.js';
import type { Traffic } from './traffic.js';

/** What the gateway really did, whatever its clients believe. */
export interface Books extends Traffic {
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

export function toBooks(ledger: Ledger, traffic: Traffic): Books {
  const files = ledger.files.all.map(({ id, path, runtimePath, runtimeId, metadata, createdAt }) => ({
    id,
    path,
    runtimePath,
    runtimeId,
    metadata,
    createdAt: new Date(createdAt).toISOString(),
  }));
  return { ...structuredClone(traffic), files };
}
