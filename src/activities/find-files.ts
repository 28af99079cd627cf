import { setTimeout as sleep } from 'node:timers/promises';
import { BctrlError } from '../bctrl/bctrl-error.js';
import type { ListFilesParams, RequestOptions } from '../bctrl/client-options.js';
import type { File, FilePage } from '../shared/api-schema.js';
import { type CollectedFile, toCollectedFile } from '../shared/collect.js';
import { COLLECTION_KEY_FIELD } from '../shared/names.js';
import { nextRetryDelayMs } from '../shared/retry-table.js';
import { countLookup } from './report-collects.js';
import type { ActivityDependencies } from './run-api-activity.js';

/** The largest page that the API gives, and smaller ones where files with much metadata make it too large to be read. */
const PAGE_SIZES = [100, 10, 1];

/** A hundred thousand files of one runtime. */
const MAXIMUM_PAGES = 1_000;

/**
 * How often a page is asked for, but for the first. A lookup of a hundred pages that began anew after every failure would never
 * end. The delays are those of the retry table, as long as they are short; a longer one ends the attempt, for Temporal to retry.
 */
const PAGE_TRIES = 3;
const MAXIMUM_PAGE_DELAY_MS = 10_000;

/**
 * Finds the files that carry one of the collection keys, by key: one lookup, however many keys there are. Of several with the same
 * key it is the oldest, naming the others.
 *
 * @param found takes each file as soon as its page is read, so that a failure of a later page loses none of them
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
      const same = [...(byKey.get(key) ?? []), file];
      byKey.set(key, same);
      found.set(key, pickOldest(same));
    }
  }
}

/** Finds the files at a path of durable storage. */
export async function findFilesByPath(
  dependencies: ActivityDependencies,
  path: string,
  options: RequestOptions,
): Promise<File[]> {
  const found: File[] = [];
  for await (const files of listPages(dependencies, { path }, options)) {
    found.push(...files.filter((file) => file.path === path));
  }
  return found;
}

function pickOldest(files: readonly File[]): CollectedFile {
  const [oldest, ...others] = files.toSorted((a, b) => createdMs(a) - createdMs(b)) as [File, ...File[]];
  const duplicateIds = others.map(({ id }) => id);
  return { ...toCollectedFile(oldest), ...(duplicateIds.length > 0 && { duplicateIds }) };
}

/** One that does not say when it was made counts as new. */
function createdMs({ createdAt = '' }: File): number {
  const ms = Date.parse(createdAt);
  return Number.isNaN(ms) ? Number.MAX_SAFE_INTEGER : ms;
}

/** Lists all files that a query finds, page by page. */
async function* listPages(
  dependencies: ActivityDependencies,
  query: ListFilesParams,
  options: RequestOptions,
): AsyncGenerator<readonly File[]> {
  countLookup();
  const seen = new Set<string | undefined>();
  let cursor: string | undefined;
  do {
    if (seen.has(cursor)) throw invalidListing('gave a cursor for the second time');
    if (seen.size >= MAXIMUM_PAGES) throw invalidListing(`has more than ${MAXIMUM_PAGES} pages`);
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
      const tries = query.cursor === undefined ? 1 : PAGE_TRIES;
      if (failures >= tries || delayMs === null || delayMs > MAXIMUM_PAGE_DELAY_MS) throw error;
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
