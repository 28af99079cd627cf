import { setTimeout as sleep } from 'node:timers/promises';
import { BctrlError } from '../bctrl/bctrl-error.js';
import type { ListFilesParams, RequestOptions } from '../bctrl/client-options.js';
import type { File, FilePage } from '../shared/api-types.js';
import { type CollectedFile, toCollectedFile } from '../shared/collect.js';
import { COLLECTION_KEY_FIELD } from '../shared/names.js';
import { nextRetryDelayMs } from '../shared/retry-table.js';
import type { ActivityDependencies } from './dependencies.js';
import { countLookup } from './record-collect-telemetry.js';

/** The API's largest page, and smaller ones in case metadata makes a page larger than the client reads. */
const PAGE_SIZES = [100, 10, 1];

/** Allows for 100,000 files in one runtime. */
const MAX_PAGES = 1_000;

/**
 * Attempts at each page but the first. A lookup of a hundred pages would never end if it started over after every failure.
 * Delays are those of the retry table while they are short; a longer one ends the activity's attempt, for Temporal to retry.
 */
const PAGE_ATTEMPTS = 3;
const MAX_PAGE_DELAY_MS = 10_000;

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
  const [oldest = file, ...others] = [...earlier, file].toSorted((a, b) => createdMs(a) - createdMs(b));
  const duplicateIds = others.map(({ id }) => id);
  return { ...toCollectedFile(oldest), ...(duplicateIds.length > 0 && { duplicateIds }) };
}

/** A file without a valid `createdAt` counts as new. */
function createdMs({ createdAt = '' }: File): number {
  const ms = Date.parse(createdAt);
  return Number.isNaN(ms) ? Number.MAX_SAFE_INTEGER : ms;
}

/** Lists all files that match a query, page by page. */
async function* listPages(
  dependencies: ActivityDependencies,
  query: ListFilesParams,
  options: RequestOptions,
): AsyncGenerator<readonly File[]> {
  countLookup();
  const seen = new Set<string | undefined>();
  let cursor: string | undefined;
  do {
    if (seen.has(cursor)) throw invalidListing('returned the same cursor twice');
    if (seen.size >= MAX_PAGES) throw invalidListing(`returned more than ${MAX_PAGES} pages`);
    seen.add(cursor);
    const page = await readPage(dependencies, { ...query, cursor }, options);
    yield page.data;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

async function readPage(
  { client, retryTable, random }: ActivityDependencies,
  query: ListFilesParams,
  options: RequestOptions,
): Promise<FilePage> {
  let [limit, ...smaller] = PAGE_SIZES;
  for (let failures = 1; ; failures += 1) {
    try {
      return await client.listFiles({ ...query, limit }, options);
    } catch (thrown) {
      if (!(thrown instanceof BctrlError)) throw thrown;
      const error = thrown;
      if (error.code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' && smaller.length > 0) {
        [limit, ...smaller] = smaller;
        continue;
      }
      const delayMs = nextRetryDelayMs(retryTable[error.reasonClass], { ...error, failures }, random);
      const attempts = query.cursor === undefined ? 1 : PAGE_ATTEMPTS;
      if (failures >= attempts || delayMs === null || delayMs > MAX_PAGE_DELAY_MS) throw error;
      await sleep(delayMs, undefined, options.signal && { signal: options.signal });
    }
  }
}

function invalidListing(problem: string): BctrlError {
  return new BctrlError(`GET /v1/files ${problem}`, {
    reasonClass: 'server',
    code: 'response.invalid',
    mayHaveSucceeded: false,
  });
}
