import type { StoredFile } from './stored-file.js';

export interface IndexedFile extends StoredFile {
  /** Its place among all files, oldest first. */
  sequence: number;
}

export interface FileIndex {
  /** Oldest first. */
  readonly all: readonly IndexedFile[];
  add(file: StoredFile): IndexedFile;
  byId(id: string): IndexedFile | undefined;
  withPath(path: string): readonly IndexedFile[];
  ofRun(runId: string): readonly IndexedFile[];
  ofRuntime(runtimeId: string): readonly IndexedFile[];
}

export function createFileIndex(): FileIndex {
  const all: IndexedFile[] = [];
  const byId = new Map<string, IndexedFile>();
  const byPath = new Map<string, IndexedFile[]>();
  const byRun = new Map<string, IndexedFile[]>();
  const byRuntime = new Map<string, IndexedFile[]>();
  return {
    all,
    add(file) {
      const indexed = { ...file, sequence: all.length };
      all.push(indexed);
      byId.set(file.id, indexed);
      addTo(byPath, file.path, indexed);
      addTo(byRun, file.runId, indexed);
      addTo(byRuntime, file.runtimeId, indexed);
      return indexed;
    },
    byId: (id) => byId.get(id),
    withPath: (path) => byPath.get(path) ?? [],
    ofRun: (runId) => byRun.get(runId) ?? [],
    ofRuntime: (runtimeId) => byRuntime.get(runtimeId) ?? [],
  };
}

function addTo(index: Map<string, IndexedFile[]>, key: string, file: IndexedFile): void {
  const files = index.get(key);
  if (files) files.push(file);
  else index.set(key, [file]);
}
