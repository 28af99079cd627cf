import { randomBytes } from 'node:crypto';
import { extname } from 'node:path/posix';
import { ApiError } from './api-error.js';
import type { GatewayState } from './gateway-state.js';
import { duplicateLocation } from './storage.js';
import type { Idempotency, StoredFile } from './stored.js';

type FileDraft = Pick<
  StoredFile,
  'path' | 'name' | 'type' | 'metadata' | 'runtimeId' | 'runId' | 'runtimePath'
>;

/**
 * Lets `write` make the bytes and adds the file. The order is bytes, journal, response, so that a crash leaves no
 * File without bytes. Throws `storage_file.path_exists` if the path is taken and duplicates are refused.
 */
export async function createFile(
  { store, storage, ids, onPathExists }: GatewayState,
  draft: FileDraft,
  write: (temporaryFile: string) => Promise<void>,
  idempotency?: Idempotency,
): Promise<StoredFile> {
  const { path } = draft;
  const id = ids.create('file');
  const isDuplicate = !store.reservePath(path);
  if (isDuplicate && onPathExists === 'refuse') {
    throw new ApiError(409, 'storage_file.path_exists', 'A file with this path exists.', { path });
  }
  const location = store.reserveLocation(path) ? path : duplicateLocation(path, id);
  try {
    const sizeBytes = await storage.place(location, id, write);
    const signature = randomBytes(16).toString('hex');
    const contentType = getContentType(path);
    try {
      return store.addFile({ id, ...draft, location, sizeBytes, contentType, signature }, idempotency);
    } catch (error) {
      storage.remove(location);
      throw error;
    }
  } catch (error) {
    store.releaseLocation(location);
    throw error;
  } finally {
    if (!isDuplicate) store.releasePath(path);
  }
}

/** Throws `file.not_found`. */
export function findFile({ store }: GatewayState, id: string): StoredFile {
  const file = store.fileById(id);
  if (!file) throw new ApiError(404, 'file.not_found', 'There is no such file.');
  return file;
}

/** The API's File. */
export function toFile({ ids, baseUrl }: GatewayState, file: StoredFile) {
  return {
    id: file.id,
    spaceId: ids.space,
    source: 'runtime',
    runtimeId: file.runtimeId,
    runId: file.runId,
    name: file.name,
    path: file.path,
    ...(file.type === undefined ? {} : { type: file.type }),
    contentType: file.contentType,
    sizeBytes: file.sizeBytes,
    metadata: file.metadata,
    createdAt: new Date(file.createdAt).toISOString(),
    // Not stored: the port may change with a restart.
    downloadUrl: `${baseUrl}/storage/files/${file.id}/download?signature=${file.signature}`,
  };
}

const contentTypes: Readonly<Record<string, string>> = {
  '.csv': 'text/csv',
  '.gif': 'image/gif',
  '.html': 'text/html',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.json': 'application/json',
  '.jsonl': 'application/jsonl',
  '.log': 'text/plain',
  '.md': 'text/markdown',
  '.mp4': 'video/mp4',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain',
  '.webm': 'video/webm',
  '.webp': 'image/webp',
  '.xml': 'application/xml',
  '.yaml': 'application/yaml',
  '.yml': 'application/yaml',
  '.zip': 'application/zip',
};

function getContentType(path: string): string {
  return contentTypes[extname(path).toLowerCase()] ?? 'application/octet-stream';
}
