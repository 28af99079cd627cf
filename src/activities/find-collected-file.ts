import type { BctrlClient, CallOptions, FileQuery } from '../bctrl/bctrl-client.js';
import { BctrlError } from '../bctrl/bctrl-error.js';
import { COLLECTION_KEY } from '../shared/names.js';
import type { File } from '../shared/wire.js';

/** The largest page that the API gives. */
const PAGE_SIZE = 100;

/** All files that a query finds, page by page: one request each. */
export async function* listAllFiles(
  client: BctrlClient,
  query: FileQuery,
  options: CallOptions,
): AsyncGenerator<File> {
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

/** The files that carry a collection key, oldest first. */
export async function findCollectedFiles(
  client: BctrlClient,
  query: FileQuery,
  key: string,
  options: CallOptions,
): Promise<File[]> {
  const found: File[] = [];
  for await (const file of listAllFiles(client, query, options)) {
    if (file.metadata?.[COLLECTION_KEY] === key) found.push(file);
  }
  return found.sort((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt));
}
