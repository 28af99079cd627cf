import { verifyApiKeyOnce } from './api-checks.js';
import { BctrlClient } from './bctrl/bctrl-client.js';
import { BctrlError } from './bctrl/bctrl-error.js';
import type { ListFilesParams } from './bctrl/client-options.js';
import { listFilePages } from './bctrl/list-file-pages.js';
import type { BctrlConfig } from './config.js';
import { type ExitCode, ExitError, exitCodes } from './exit.js';
import type { File } from './shared/api-types.js';
import { formatCountOf } from './shared/display-text.js';
import { type CollectionKeyParts, parseCollectionKey } from './shared/keys.js';
import { COLLECTION_KEY_FIELD } from './shared/names.js';
import type { ReasonClass } from './shared/reason-class.js';
import { retryTable } from './shared/retry-table.js';

/** A file in durable storage that was collected with a collection key. */
export interface KeyedFile extends Pick<File, 'id' | 'path' | 'sizeBytes' | 'createdAt'> {
  readonly key: CollectionKeyParts;
}

const exitCodeOf: Readonly<Partial<Record<ReasonClass, ExitCode>>> = {
  invalid_input: exitCodes.usage,
  unauthorized: exitCodes.usage,
  capability_denied: exitCodes.usage,
  not_found: exitCodes.usage,
};

/**
 * Lists the files of a query whose collection keys are wanted, in the API's order. Of the others, and of what a file has beside
 * these few fields, nothing stays in memory.
 *
 * @throws ExitError if the list cannot be read to its end: part of it would look like all of it
 */
export async function listKeyedFiles(
  config: BctrlConfig,
  query: ListFilesParams,
  isWanted: (key: CollectionKeyParts) => boolean,
  signal: AbortSignal,
): Promise<KeyedFile[]> {
  const client = new BctrlClient(config);
  // By id: files that are made meanwhile may shift a page, which then repeats some of the page before.
  const wanted = new Map<string, KeyedFile>();
  let read = 0;
  try {
    await verifyApiKeyOnce(config);
    const lister = { client, retryTable, random: Math.random };
    for await (const files of listFilePages(lister, query, { signal })) {
      read += files.length;
      for (const { id, path, sizeBytes, createdAt, metadata } of files) {
        const key = parseCollectionKey(metadata?.[COLLECTION_KEY_FIELD]);
        if (key !== undefined && isWanted(key)) wanted.set(id, { id, path, sizeBytes, createdAt, key });
      }
    }
    return [...wanted.values()];
  } catch (error) {
    if (signal.aborted) throw new ExitError(exitCodes.interrupted, brokeOff(read, 'interrupted'));
    if (!(error instanceof BctrlError)) throw error;
    const code = exitCodeOf[error.reasonClass] ?? exitCodes.unreachable;
    throw new ExitError(code, brokeOff(read, `${config.baseUrl}: ${error.message}`));
  } finally {
    await client.close();
  }
}

function brokeOff(read: number, reason: string): string {
  return `the list of files broke off after ${formatCountOf(read, 'file')}, and none is printed (${reason})`;
}
