import type { ListFilesParams, RequestOptions } from '../bctrl/client-options.js';
import { listFilePages } from '../bctrl/list-file-pages.js';
import type { File } from '../shared/api-types.js';
import { type CollectedFile, compareAge, toCollectedFile } from '../shared/collect.js';
import { COLLECTION_KEY_FIELD } from '../shared/names.js';
import type { ActivityDependencies } from './dependencies.js';
import { countLookup } from './record-collect-telemetry.js';

/**
 * Finds the files with one of the collection keys, with one lookup for all keys. If several files have the same key, the oldest
 * is the result and names the others.
 *
 * @param found receives each file, by key, as soon as its page is read: a failure of a later page loses none of them
 */
export async function findFilesByCollectionKey(
  dependencies: ActivityDependencies,
  query: ListFilesParams,
  keys: ReadonlySet<string>,
  options: RequestOptions,
  found: Map<string, CollectedFile>,
): Promise<void> {
  const byKey = new Map<string, File[]>();
  for await (const files of listPages(dependencies, query, options)) {
    for (const file of files) {
      const key = file.metadata?.[COLLECTION_KEY_FIELD];
      if (typeof key !== 'string' || !keys.has(key)) continue;
      const earlier = byKey.get(key) ?? [];
      byKey.set(key, [...earlier, file]);
      found.set(key, pickOldest(earlier, file));
    }
  }
}

export interface FilesAtPath {
  readonly path: string;
  /** Default: the files of all runtimes, and those that were uploaded. */
  readonly runtimeId?: string;
}

/** Finds the files at a path of durable storage. */
export async function findFilesByPath(
  dependencies: ActivityDependencies,
  query: FilesAtPath,
  options: RequestOptions,
): Promise<File[]> {
  const found: File[] = [];
  for await (const files of listPages(dependencies, query, options)) {
    found.push(...files.filter((file) => file.path === query.path));
  }
  return found;
}

function pickOldest(earlier: readonly File[], file: File): CollectedFile {
  const [oldest = file, ...others] = [...earlier, file].toSorted(compareAge);
  const duplicateIds = others.map(({ id }) => id);
  return { ...toCollectedFile(oldest), ...(duplicateIds.length > 0 && { duplicateIds }) };
}

/** Lists all files that match a query, page by page. */
async function* listPages(
  dependencies: ActivityDependencies,
  query: ListFilesParams,
  options: RequestOptions,
): AsyncGenerator<readonly File[]> {
  countLookup();
  yield* listFilePages(dependencies, query, options);
}
