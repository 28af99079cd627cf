import { randomBytes } from 'node:crypto';
import { ApiError } from './api-error.js';
import { contentTypeOf } from './content-type.js';
import type { IndexedFile } from './file-index.js';
import type { GatewayState } from './gateway-state.js';
import { duplicateLocation } from './storage-path.js';
import type { Store } from './store.js';
import type { StoredFile } from './stored-file.js';

type FileDraft = Pick<
  StoredFile,
  'path' | 'name' | 'type' | 'metadata' | 'runtimeId' | 'runId' | 'runtimePath'
>;

export type CreateFile = (
  draft: FileDraft,
  write: (temporaryFile: string) => Promise<void>,
  idempotency?: Parameters<Store['addFile']>[1],
) => Promise<IndexedFile>;

/** Files come to be in one order: bytes in place, journal, answer. A crash in between leaves no File without bytes. */
export function createFileWriter(state: GatewayState): CreateFile {
  const { store, storage, ids, onPathExists } = state;
  // Paths of copies under way: of two requests for one path only the first may have it.
  const reserved = new Set<string>();
  return async (draft, write, idempotency) => {
    const id = ids.create('file');
    const taken = reserved.has(draft.path) || store.files.withPath(draft.path).length > 0;
    if (taken && onPathExists === 'refuse') {
      throw new ApiError(409, 'storage_file.path_exists', 'A file with this path exists.', {
        path: draft.path,
      });
    }
    const location = taken ? duplicateLocation(draft.path, id) : draft.path;
    if (!taken) reserved.add(draft.path);
    try {
      const { sizeBytes } = await storage.place(location, id, write);
      const signature = randomBytes(16).toString('hex');
      const contentType = contentTypeOf(draft.path);
      return store.addFile({ id, ...draft, location, sizeBytes, contentType, signature }, idempotency);
    } finally {
      if (!taken) reserved.delete(draft.path);
    }
  };
}
