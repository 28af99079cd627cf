import { setTimeout as sleep } from 'node:timers/promises';
import type { File, FilePage } from '../shared/api-types.js';
import { nextRetryDelayMs, type RetryTable } from '../shared/retry-table.js';
import type { BctrlClient } from './bctrl-client.js';
import { BctrlError } from './bctrl-error.js';
import type { ListFilesParams, RequestOptions } from './client-options.js';

/** The API's largest page, and smaller ones in case metadata makes a page larger than the client reads. */
const PAGE_SIZES = [100, 10, 1];

/** Allows for 100,000 files in one runtime. */
const MAX_PAGES = 1_000;

/**
 * Attempts at each page but the first. A listing of a hundred pages would never end if it started over after every failure.
 * Delays are those of the retry table while they are short; after a longer one the caller tries again.
 */
const PAGE_ATTEMPTS = 3;
const MAX_PAGE_DELAY_MS = 10_000;

/** What a listing needs beside its query. */
export interface Lister {
  readonly client: Pick<BctrlClient, 'listFiles'>;
  readonly retryTable: RetryTable;
  /** Returns 0 ≤ x < 1. */
  readonly random: () => number;
}

/**
 * Lists all files that match a query, page by page, with a request for each.
 *
 * @throws BctrlError if a page cannot be read: the listing is incomplete
 */
export async function* listFilePages(
  lister: Lister,
  query: ListFilesParams,
  options: RequestOptions,
): AsyncGenerator<readonly File[]> {
  const seen = new Set<string | undefined>();
  let cursor: string | undefined;
  do {
    if (seen.has(cursor)) throw invalidListing('returned the same cursor twice');
    if (seen.size >= MAX_PAGES) throw invalidListing(`returned more than ${MAX_PAGES} pages`);
    seen.add(cursor);
    const page = await readPage(lister, { ...query, cursor }, options);
    yield page.data;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

async function readPage(
  { client, retryTable, random }: Lister,
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
