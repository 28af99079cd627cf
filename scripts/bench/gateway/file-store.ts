import { randomUUID } from 'node:crypto';

/** One file that a collect has made, as the benchmark's books tell it. */
export interface CommittedFile {
  readonly runtimePath: string;
  /** The collection key in its metadata. */
  readonly key: string | undefined;
}

interface CollectBody {
  readonly runtimePath: string;
  readonly destinationPath?: string;
  readonly name?: string;
  readonly type?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface FileQuery {
  readonly runtimeId: string | null;
  readonly path: string | null;
  readonly createdAfterMs: number;
  /** How many of the newest files to pass over. */
  readonly offset: number;
  readonly limit: number;
}

const SPACE_ID = '7d1f0c52-3a7e-4d0b-8f6c-2b9f6c1d4e5a';
const SIZE_BYTES = 5;

/** The files of one runtime, oldest first. */
interface Runtime {
  readonly runId: string;
  readonly files: StoredFile[];
  readonly committed: CommittedFile[];
}
type StoredFile = ReturnType<typeof toFile>;

/** Durable storage as the API shows it, in memory and without the bytes: nothing here may cost more than it must. */
export class FileStore {
  readonly #runtimes = new Map<string, Runtime>();
  readonly #paths = new Set<string>();

  /** The new file, or `undefined` when its path is taken. */
  collect(runtimeId: string, body: CollectBody): StoredFile | undefined {
    const runtime = this.#runtime(runtimeId);
    const file = toFile(runtimeId, runtime.runId, body);
    if (this.#paths.has(file.path)) return undefined;
    this.#paths.add(file.path);
    runtime.files.push(file);
    const key = body.metadata?.['temporalCollectionKey'];
    runtime.committed.push({
      runtimePath: body.runtimePath,
      key: typeof key === 'string' ? key : undefined,
    });
    return file;
  }

  /** Newest first. */
  list(query: FileQuery): { data: StoredFile[]; nextCursor: string | null } {
    const { runtimeId, path, createdAfterMs, offset, limit } = query;
    const runtimes = runtimeId === null ? this.#runtimes.values() : [this.#runtime(runtimeId)];
    const found = [...runtimes]
      .flatMap(({ files }) => files)
      .filter((file) => path === null || file.path === path)
      .filter((file) => Date.parse(file.createdAt) > createdAfterMs)
      .reverse();
    const end = offset + limit;
    return { data: found.slice(offset, end), nextCursor: end < found.length ? String(end) : null };
  }

  /** What was ever committed for a runtime, which is then forgotten: a benchmark should not slow down as it goes on. */
  takeBooks(runtimeId: string): readonly CommittedFile[] {
    const { files, committed } = this.#runtime(runtimeId);
    for (const { path } of files) this.#paths.delete(path);
    this.#runtimes.delete(runtimeId);
    return committed;
  }

  /** Every runtime is there, and active. */
  #runtime(id: string): Runtime {
    const known = this.#runtimes.get(id);
    if (known !== undefined) return known;
    const runtime = { runId: randomUUID(), files: [], committed: [] };
    this.#runtimes.set(id, runtime);
    return runtime;
  }
}

function toFile(runtimeId: string, runId: string, body: CollectBody) {
  const id = randomUUID();
  const path = body.destinationPath ?? `/runs/${runId}/${body.runtimePath}`;
  return {
    id,
    spaceId: SPACE_ID,
    source: 'runtime',
    runtimeId,
    runId,
    name: body.name ?? path.slice(path.lastIndexOf('/') + 1),
    path,
    type: body.type,
    contentType: 'application/octet-stream',
    sizeBytes: SIZE_BYTES,
    metadata: body.metadata ?? null,
    createdAt: new Date().toISOString(),
    downloadUrl: `http://127.0.0.1/storage/files/${id}/download?signature=${id}`,
  };
}
