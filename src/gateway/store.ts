import { join } from 'node:path';
import { openJournal } from './journal.js';
import { type JournalEntry, type JournalFile, parseJournalEntry } from './journal-entry.js';
import { foldLocation } from './storage.js';
import type { Idempotency, StoredFile, StoredInvocation } from './stored.js';

interface StoreOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds on a clock that never steps. */
  readonly monotonicNow: () => number;
  /** How long a new file is not listed. */
  readonly listLagMs: number;
}

export type Store = Awaited<ReturnType<typeof openStore>>;

/** Files, invocations and stopped runtimes, in memory. Every change is in the journal before its method returns. */
export async function openStore(storageDir: string, { now, monotonicNow, listLagMs }: StoreOptions) {
  const files: StoredFile[] = [];
  const byId = new Map<string, StoredFile>();
  const byPath = new Map<string, StoredFile[]>();
  const byRun = new Map<string, StoredFile[]>();
  const byRuntime = new Map<string, StoredFile[]>();
  const byIdempotencyKey = new Map<string, Idempotency & { file: StoredFile }>();
  const reservedPaths = new Set<string>();
  const foldedLocations = new Set<string>();
  const invocations = new Map<string, StoredInvocation>();
  const stoppedAt = new Map<string, number>();
  let isOpen = false;

  /**
   * The rest of the lag is counted by the wall clock only for files of an earlier process. One that comes from the future, as the
   * clock was set back, has an unknown age: it is listed at once, since a lag that begins again would hide old files.
   */
  const toListedAt = ({ createdAt }: JournalFile) => {
    const ageMs = isOpen ? 0 : now() - createdAt;
    return ageMs < 0 ? 0 : monotonicNow() + Math.max(listLagMs - ageMs, 0);
  };
  const apply = (entry: JournalEntry) => {
    switch (entry.kind) {
      case 'file-created': {
        const file = { ...entry.file, sequence: files.length, listedAt: toListedAt(entry.file) };
        files.push(file);
        byId.set(file.id, file);
        foldedLocations.add(foldLocation(file.location));
        addTo(byPath, file.path, file);
        addTo(byRun, file.runId, file);
        addTo(byRuntime, file.runtimeId, file);
        if (entry.idempotency) byIdempotencyKey.set(entry.idempotency.key, { ...entry.idempotency, file });
        return;
      }
      case 'invocation-created':
        invocations.set(entry.invocation.id, entry.invocation);
        return;
      case 'runtime-stopped':
        stoppedAt.set(entry.runtimeId, entry.at);
    }
  };
  const journal = await openJournal(join(storageDir, 'journal.jsonl'), parseJournalEntry, apply);
  isOpen = true;
  const record = (entry: JournalEntry) => {
    journal.append(entry);
    apply(entry);
  };

  return {
    /** All lists of files are oldest first. */
    files: files as readonly StoredFile[],
    fileById: (id: string) => byId.get(id),
    filesByPath: (path: string): readonly StoredFile[] => byPath.get(path) ?? [],
    filesByRun: (runId: string): readonly StoredFile[] => byRun.get(runId) ?? [],
    filesByRuntime: (runtimeId: string): readonly StoredFile[] => byRuntime.get(runtimeId) ?? [],
    addFile(draft: Omit<JournalFile, 'createdAt'>, idempotency?: Idempotency): StoredFile {
      // The listing is in order of creation, which a clock that steps back must not change.
      const file = { ...draft, createdAt: Math.max(now(), files.at(-1)?.createdAt ?? 0) };
      record({ kind: 'file-created', file, ...(idempotency && { idempotency }) });
      return files.at(-1) as StoredFile;
    },
    /** False if a file has the path or another request has reserved it. */
    reservePath(path: string): boolean {
      if (byPath.has(path) || reservedPaths.has(path)) return false;
      reservedPaths.add(path);
      return true;
    },
    releasePath: (path: string) => void reservedPaths.delete(path),
    /** False if a file on disk, or one that is being written, may be taken for the location. */
    reserveLocation(location: string): boolean {
      const folded = foldLocation(location);
      if (foldedLocations.has(folded)) return false;
      foldedLocations.add(folded);
      return true;
    },
    releaseLocation: (location: string) => void foldedLocations.delete(foldLocation(location)),
    /** The first request that came with the key, and the file that it created. */
    findByIdempotencyKey: (key: string) => byIdempotencyKey.get(key),
    invocationById: (id: string) => invocations.get(id),
    addInvocation: (invocation: StoredInvocation) => record({ kind: 'invocation-created', invocation }),
    stopRuntime: (runtimeId: string) => record({ kind: 'runtime-stopped', runtimeId, at: now() }),
    /** Milliseconds since the epoch, or undefined while the runtime is active. */
    stoppedAt: (runtimeId: string) => stoppedAt.get(runtimeId),
    close: () => journal.close(),
  };
}

function addTo(index: Map<string, StoredFile[]>, key: string, file: StoredFile): void {
  const files = index.get(key);
  if (files) files.push(file);
  else index.set(key, [file]);
}
