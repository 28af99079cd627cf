import { BctrlError } from '../bctrl/bctrl-error.js';
import type { RequestOptions } from '../bctrl/client-options.js';
import type { File } from '../shared/api-schema.js';
import { type CollectedFile, toCollectedFile } from '../shared/collect.js';
import { COLLECTION_KEY_FIELD } from '../shared/names.js';
import type { FileWithKey } from './file-state.js';
import { findFilesByPath } from './find-files.js';
import type { ActivityDependencies } from './run-api-activity.js';

export interface Collected {
  readonly file: CollectedFile;
  /** `found`: it was there already, made by an earlier request for the same file. */
  readonly via: 'collected' | 'found' | 'kept';
}

/** The path is taken, and the listing does not say by whom: it may be this collect's own file, listed late. */
export class UnlistedConflict extends BctrlError {
  constructor({ message, reasonClass, code, status, requestId, hint, details }: BctrlError) {
    super(message, { reasonClass, code, status, requestId, hint, details, mayHaveSucceeded: false });
  }
}

/**
 * Collects one file, with its key in its metadata. Where its path is taken it looks by whom: this collect's own file is
 * the result, a foreign one is if `ifExists` says so.
 *
 * @param onFile learns of every file that the API shows
 * @throws BctrlError
 */
export async function collectOrFindExisting(
  dependencies: ActivityDependencies,
  runtimeId: string,
  keyed: FileWithKey,
  options: RequestOptions,
  onFile: (file: File) => void,
): Promise<Collected> {
  const { ifExists: _, appearsWithin: __, ...request } = keyed.options;
  const metadata = { ...request.metadata, [COLLECTION_KEY_FIELD]: keyed.key };
  try {
    const file = await dependencies.client.collectFile(runtimeId, { ...request, metadata }, options);
    onFile(file);
    return { file: toCollectedFile(file), via: 'collected' };
  } catch (error) {
    if (!(error instanceof BctrlError) || error.code !== 'storage_file.path_exists') throw error;
    return await resolvePathConflict(dependencies, keyed, error, options);
  }
}

async function resolvePathConflict(
  dependencies: ActivityDependencies,
  { options: { destinationPath, ifExists }, key }: FileWithKey,
  conflict: BctrlError,
  options: RequestOptions,
): Promise<Collected> {
  // The API may write a path otherwise than it was asked for.
  let there: File[] = [];
  for (const path of new Set([destinationPath, conflict.takenPath])) {
    if (there.length === 0 && path !== undefined) {
      there = await lookUpPath(dependencies, path, conflict, options);
    }
  }
  const own = there.find(({ metadata }) => metadata?.[COLLECTION_KEY_FIELD] === key);
  if (own !== undefined) return { file: toCollectedFile(own), via: 'found' };
  const [foreign] = there;
  if (foreign === undefined) throw new UnlistedConflict(conflict);
  if (ifExists === 'keep') return { file: { ...toCollectedFile(foreign), kept: true }, via: 'kept' };
  throw conflict;
}

/** A lookup that is finally refused says as little of the file as an empty list: it must not pass for a refusal of the file. */
async function lookUpPath(
  dependencies: ActivityDependencies,
  path: string,
  conflict: BctrlError,
  options: RequestOptions,
): Promise<File[]> {
  try {
    return await findFilesByPath(dependencies, path, options);
  } catch (error) {
    const isFinal = error instanceof BctrlError && !dependencies.retryTable[error.reasonClass].retryable;
    throw isFinal ? new UnlistedConflict(conflict) : error;
  }
}
