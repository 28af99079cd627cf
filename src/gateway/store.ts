import { join } from 'node:path';
import { createFileIndex, type FileIndex, type IndexedFile } from './file-index.js';
import type { StoredInvocation } from './invocations.js';
import { openJournal } from './journal.js';
import type { StoredFile } from './stored-file.js';

type Entry =
  | { kind: 'file-created'; file: StoredFile; idempotency?: Idempotency }
  | { kind: 'invocation-created'; invocation: StoredInvocation }
  | { kind: 'runtime-stopped'; runtimeId: string; at: number };

/** An `Idempotency-Key` and the request it came with. */
interface Idempotency {
  key: string;
  request: string;
}

/** All that the gateway knows, in memory, and on disk before anybody is told. */
export interface Store {
  readonly files: Omit<FileIndex, 'add'>;
  addFile(file: Omit<StoredFile, 'createdAt'>, idempotency?: Idempotency): IndexedFile;
  addInvocation(invocation: StoredInvocation): void;
  invocation(id: string): StoredInvocation | undefined;
  stopRuntime(runtimeId: string): void;
  /** Milliseconds since the epoch, or undefined while the runtime is active. */
  stoppedAt(runtimeId: string): number | undefined;
  /** The first request that came with the key, and the file that it made. */
  findByIdempotencyKey(idempotencyKey: string): { request: string; file: IndexedFile } | undefined;
  close(): Promise<void>;
}

export async function openStore(storageDir: string, now: () => number): Promise<Store> {
  const files = createFileIndex();
  const invocations = new Map<string, StoredInvocation>();
  const stopped = new Map<string, number>();
  const made = new Map<string, { request: string; file: IndexedFile }>();

  const apply = (entry: Entry) => {
    switch (entry.kind) {
      case 'file-created': {
        const file = files.add(entry.file);
        if (entry.idempotency) made.set(entry.idempotency.key, { request: entry.idempotency.request, file });
        return;
      }
      case 'invocation-created':
        invocations.set(entry.invocation.id, entry.invocation);
        return;
      case 'runtime-stopped':
        stopped.set(entry.runtimeId, entry.at);
    }
  };
  const journal = await openJournal(join(storageDir, 'journal.jsonl'), apply);
  const record = (entry: Entry) => {
    journal.append(entry);
    apply(entry);
  };

  return {
    files,
    addFile(draft, idempotency) {
      // A clock that steps back must not break the order that the listing pages by.
      const file = { ...draft, createdAt: Math.max(now(), files.all.at(-1)?.createdAt ?? 0) };
      record({ kind: 'file-created', file, ...(idempotency && { idempotency }) });
      return files.all.at(-1) as IndexedFile;
    },
    addInvocation: (invocation) => record({ kind: 'invocation-created', invocation }),
    invocation: (id) => invocations.get(id),
    stopRuntime: (runtimeId) => record({ kind: 'runtime-stopped', runtimeId, at: now() }),
    stoppedAt: (runtimeId) => stopped.get(runtimeId),
    findByIdempotencyKey: (key) => made.get(key),
    close: () => journal.close(),
  };
}
