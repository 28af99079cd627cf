import type { KeyedFile } from '../../api-files.js';
import { compareAge } from '../../shared/collect.js';

/** A file of a pipeline, as `result --files` prints it. A field that is not known is absent. */
export interface FileLine {
  /** Path in the runtime's workspace, if Temporal still has the run that collected the file. */
  readonly runtimePath: string | undefined;
  readonly fileId: string;
  /** Path in durable storage. */
  readonly path: string | undefined;
  readonly sizeBytes: number | undefined;
  readonly createdAt: string | undefined;
  /** Id of the file that stays, if this one is a duplicate. */
  readonly duplicateOf: string | undefined;
  readonly collectionKey: string;
}

/** What is known of the files beside what the API lists. */
export interface KnownFiles {
  /** Paths in the runtime, by file key. */
  readonly runtimePaths?: ReadonlyMap<string, string>;
  /** Ids of the files that a report names. */
  readonly reportedIds?: ReadonlySet<string>;
}

/** The files in the order given. Those with the same collection key are duplicates of one of them. */
export function toFileLines(
  files: readonly KeyedFile[],
  { runtimePaths, reportedIds }: KnownFiles,
): FileLine[] {
  const keptIds = pickKept(files, reportedIds ?? new Set());
  return files.map((file) => {
    const { id: fileId, path, sizeBytes, createdAt, key } = file;
    const collectionKey = toFullKey(file);
    const keptId = keptIds.get(collectionKey);
    return {
      runtimePath: runtimePaths?.get(key.fileKey),
      fileId,
      path,
      sizeBytes,
      createdAt,
      duplicateOf: keptId === fileId ? undefined : keptId,
      collectionKey,
    };
  });
}

/**
 * The id of the file that stays, by collection key: one that a report names, since somebody may use it by its id; else the
 * oldest.
 */
function pickKept(files: readonly KeyedFile[], reportedIds: ReadonlySet<string>): Map<string, string> {
  const kept = new Map<string, KeyedFile>();
  for (const file of files) {
    const key = toFullKey(file);
    const other = kept.get(key);
    if (other === undefined || isBetter(file, other, reportedIds)) kept.set(key, file);
  }
  return new Map([...kept].map(([key, { id }]) => [key, id]));
}

function isBetter(file: KeyedFile, other: KeyedFile, reportedIds: ReadonlySet<string>): boolean {
  const [isReported, isOtherReported] = [file, other].map(({ id }) => reportedIds.has(id));
  return isReported === isOtherReported ? compareAge(file, other) < 0 : isReported === true;
}

function toFullKey({ key: { prefix, fileKey } }: KeyedFile): string {
  return `${prefix}/${fileKey}`;
}
