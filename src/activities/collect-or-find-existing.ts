import { BctrlError } from '../bctrl/bctrl-error.js';
import type { RequestOptions } from '../bctrl/client-options.js';
import type { File } from '../shared/api-types.js';
import { toCollectedFile } from '../shared/collect.js';
import { COLLECTION_KEY_FIELD } from '../shared/names.js';
import type { AcquiredFile, FileWithKey } from './collect-state.js';
import type { ActivityDependencies } from './dependencies.js';
import { type FilesAtPath, findFilesByPath } from './find-files.js';

/** The path is taken, but the listing does not show by which file: it may be this collect's own, listed late. */
export class UnlistedConflict extends BctrlError {
  constructor({ message, reasonClass, code, status, requestId, hint, details }: BctrlError) {
    super(message, { reasonClass, code, status, requestId, hint, details, mayHaveSucceeded: false });
  }
}

/**
 * Collects one file, with its collection key in its metadata. If its path is taken, by this collect's own file or by one that
 * `ifExists` keeps, that file is the result.
 *
 * @throws BctrlError
 */
export async function collectOrFindExisting(
  dependencies: ActivityDependencies,
  runtimeId: string,
  file: FileWithKey,
  options: RequestOptions,
): Promise<AcquiredFile> {
  const { client, watermark } = dependencies;
  const { ifExists: _, appearsWithin: __, ...request } = file.options;
  const metadata = { ...request.metadata, [COLLECTION_KEY_FIELD]: file.key };
  try {
    const collected = await client.collectFile(runtimeId, { ...request, metadata }, options);
    watermark.observe(collected);
    return { file: toCollectedFile(collected), via: 'collected' };
  } catch (error) {
    if (!(error instanceof BctrlError) || error.code !== 'storage_file.path_exists') throw error;
    return await resolvePathConflict(dependencies, runtimeId, file, error, options);
  }
}

async function resolvePathConflict(
  dependencies: ActivityDependencies,
  runtimeId: string,
  { options: { destinationPath, ifExists }, key }: FileWithKey,
  conflict: BctrlError,
  options: RequestOptions,
): Promise<AcquiredFile> {
  const findFiles = (query: FilesAtPath) => findConflictingFiles(dependencies, query, conflict, options);
  let existing: File[] = [];
  // The API may write a path differently than the request did.
  for (const path of new Set([destinationPath, conflict.takenPath])) {
    if (path === undefined || existing.length > 0) continue;
    existing = await findFiles({ path });
    const own = existing.find(({ metadata }) => metadata?.[COLLECTION_KEY_FIELD] === key);
    if (own !== undefined && (await isFromRuntime(own, path, runtimeId, findFiles))) {
      return { file: toCollectedFile(own), via: 'found' };
    }
  }
  const [foreign] = existing;
  if (foreign === undefined) throw new UnlistedConflict(conflict);
  if (ifExists === 'keep') return { file: { ...toCollectedFile(foreign), kept: true }, via: 'kept' };
  throw conflict;
}

/**
 * Whether a file was collected from a runtime. Its key does not say so: one workflow's files of two runtimes may share it. The
 * API may leave out the file's runtime, or name it by another id, but lists the files of a runtime by any of its ids.
 */
async function isFromRuntime(
  file: File,
  path: string,
  runtimeId: string,
  findFiles: (query: FilesAtPath) => Promise<File[]>,
): Promise<boolean> {
  if (file.runtimeId === runtimeId) return true;
  const filesOfRuntime = await findFiles({ path, runtimeId });
  return filesOfRuntime.some(({ id }) => id === file.id);
}

/** A lookup that finally fails proves as little as an empty listing. Its error must not count as a refusal of the file. */
async function findConflictingFiles(
  dependencies: ActivityDependencies,
  query: FilesAtPath,
  conflict: BctrlError,
  options: RequestOptions,
): Promise<File[]> {
  try {
    return await findFilesByPath(dependencies, query, options);
  } catch (error) {
    const isFinal = error instanceof BctrlError && !dependencies.retryTable[error.reasonClass].retryable;
    throw isFinal ? new UnlistedConflict(conflict) : error;
  }
}
