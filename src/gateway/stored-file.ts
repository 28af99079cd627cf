/** A durable file as the journal keeps it. */
export interface StoredFile {
  id: string;
  /** Milliseconds since the epoch; never less than that of the file before. */
  createdAt: number;
  path: string;
  name: string;
  type?: string;
  /** As sent, or null if none was sent. */
  metadata: Record<string, unknown> | null;
  contentType: string;
  sizeBytes: number;
  runtimeId: string;
  runId: string;
  /** The collect's path as sent; null for an export's archive. */
  runtimePath: string | null;
  /** Where the bytes lie, below the storage's files. */
  location: string;
  /** Lets anyone who has the download URL read the bytes. */
  signature: string;
}

/** The contract's File. The base URL is not stored, since the port may be another one after a restart. */
export function toFile(file: StoredFile, spaceId: string, baseUrl: string) {
  return {
    id: file.id,
    spaceId,
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
    downloadUrl: `${baseUrl}/storage/files/${file.id}/download?signature=${file.signature}`,
  };
}
