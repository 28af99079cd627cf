import type { BctrlClient, CallOptions } from '../bctrl/bctrl-client.js';
import { BctrlError } from '../bctrl/bctrl-error.js';
import type { CollectedFile } from '../shared/collect.js';
import { COLLECTION_KEY } from '../shared/names.js';
import type { File } from '../shared/wire.js';
import type { KeyedFile } from './file-in-work.js';
import { findCollectedFiles, findFilesAt } from './find-collected-files.js';

export interface Collected {
  readonly file: CollectedFile;
  /** `found`: it was there already, of an earlier request for the same. */
  readonly by: 'collected' | 'found' | 'kept';
}

/**
 * Collects one file, with its key in its metadata. Where its path is taken it looks by whom: this collect's own file is
 * the result, a foreign one is if `ifExists` says so.
 *
 * @throws BctrlError
 */
export async function collectOnce(
  client: BctrlClient,
  runtimeId: string,
  keyed: KeyedFile,
  options: CallOptions,
): Promise<Collected> {
  const { ifExists: _, appearsWithin: __, ...request } = keyed.options;
  const metadata = { ...request.metadata, [COLLECTION_KEY]: keyed.key };
  try {
    const file = await client.collectFile(runtimeId, { ...request, metadata }, options);
    return { file, by: 'collected' };
  } catch (error) {
    if (!(error instanceof BctrlError) || error.code !== 'storage_file.path_exists') throw error;
    const found = await findAtTakenPath(client, runtimeId, keyed, error, options);
    if (found === undefined) throw error;
    return { file: found, by: found.kept ? 'kept' : 'found' };
  }
}

async function findAtTakenPath(
  client: BctrlClient,
  runtimeId: string,
  { options: file, key }: KeyedFile,
  refusal: BctrlError,
  options: CallOptions,
): Promise<CollectedFile | undefined> {
  // The API may write a path otherwise than it was asked for, and a long one is cut in an error's details.
  let there: File[] = [];
  for (const path of new Set([file.destinationPath, refusal.details?.['path']])) {
    if (there.length === 0 && typeof path === 'string') there = await findFilesAt(client, path, options);
  }
  const own = there.find(({ metadata }) => metadata?.[COLLECTION_KEY] === key);
  if (own !== undefined) return own;
  const [foreign] = there;
  if (foreign !== undefined) return file.ifExists === 'keep' ? { ...foreign, kept: true } : undefined;
  return (await findCollectedFiles(client, { runtimeId }, new Set([key]), options)).get(key);
}
