import type { BctrlClient, CallOptions, FileQuery } from '../bctrl/bctrl-client.js';
import { BctrlError } from '../bctrl/bctrl-error.js';
import type { CollectedFile } from '../shared/collect.js';
import { COLLECTION_KEY } from '../shared/names.js';
import type { File } from '../shared/wire.js';
import { countLookup } from './report-collects.js';

/** The largest page that the API gives. */
const PAGE_SIZE = 100;

/**
 * The files that carry one of the collection keys, by key: one look through the listing, however many keys there are. Of
 * several with the same key it is the oldest, naming the others.
 */
export async function findCollectedFiles(
  client: BctrlClient,
  query: FileQuery,
  keys: ReadonlySet<string>,
  options: CallOptions,
): Promise<Map<string, CollectedFile>> {
  const found = new Map<string, File[]>();
  for await (const file of listAllFiles(client, query, options)) {
    const key = file.metadata?.[COLLECTION_KEY];
    if (typeof key === 'string' && keys.has(key)) found.set(key, [...(found.get(key) ?? []), file]);
  }
  return new Map([...found].flatMap(([key, files]) => toOne(key, files)));
}

function toOne(key: string, files: File[]): [string, CollectedFile][] {
  const [oldest, ...others] = files.sort((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt));
  if (oldest === undefined) return [];
  const duplicateIds = others.map(({ id }) => id);
  return [[key, duplicateIds.length === 0 ? oldest : { ...oldest, duplicateIds }]];
}

/** The files that lie at a path of durable storage. */
export async function findFilesAt(client: BctrlClient, path: string, options: CallOptions): Promise<File[]> {
  const found: File[] = [];
  for await (const file of listAllFiles(client, { path }, options)) {
    if (file.path === path) found.push(file);
  }
  return found;
}

/** All files that a query finds, page by page: one request each. */
async function* listAllFiles(
  client: BctrlClient,
  query: FileQuery,
  options: CallOptions,
): AsyncGenerator<File> {
  countLookup();
  let cursor: string | undefined;
  do {
    const page = await client.listFiles({ ...query, limit: PAGE_SIZE, cursor }, options);
    yield* page.data;
    if (page.nextCursor !== null && page.nextCursor === cursor) {
      throw new BctrlError('GET /v1/files answered the same page again', {
        reasonClass: 'server',
        code: 'response.invalid',
        mayHaveHappened: false,
      });
    }
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}
