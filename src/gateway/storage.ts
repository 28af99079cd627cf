import { mkdirSync, rmSync, statSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { ApiError } from './api-error.js';

export type Storage = Awaited<ReturnType<typeof createStorage>>;

/** Holds the bytes of the durable files. A location is a path below `storageDir/files`, with a leading slash. */
export async function createStorage(storageDir: string) {
  const filesDir = join(storageDir, 'files');
  const temporaryDir = join(storageDir, 'tmp');
  await rm(temporaryDir, { recursive: true, force: true });
  // Not `recursive`, which would not end in a folder such as `/proc/self`.
  await mkdir(temporaryDir);
  await mkdir(filesDir).catch((error) => {
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  });
  const temporaryFolders = new Set<string>();
  const createTemporaryFolder = (folder: string) => {
    if (temporaryFolders.has(folder)) return;
    mkdirSync(folder);
    temporaryFolders.add(folder);
  };
  const toPath = (location: string) => join(filesDir, location);

  return {
    toPath,
    /**
     * Lets `write` make the file under a temporary name, moves it to `location` when it is complete, and returns its
     * size in bytes. If `write` fails, nothing is left behind.
     */
    async place(
      location: string,
      id: string,
      write: (temporaryFile: string) => Promise<void>,
    ): Promise<number> {
      // The last character of the id chooses the folder: file systems create the files of one folder one by one.
      const folder = join(temporaryDir, id.slice(-1));
      const temporaryFile = join(folder, id);
      try {
        createTemporaryFolder(folder);
        await write(temporaryFile);
        const { size } = statSync(temporaryFile);
        await move(temporaryFile, toPath(location));
        return size;
      } catch (error) {
        rmSync(temporaryFile, { force: true });
        throw systemErrorCode(error) === undefined ? error : new ApiError(503);
      }
    },
    remove: (location: string) => rmSync(toPath(location), { force: true }),
    async open(location: string) {
      try {
        return await open(toPath(location));
      } catch {
        throw new ApiError(503);
      }
    },
  };
}

/** A file is where the path needs a folder, or a folder where it needs a file. */
const OBSTRUCTED = 'A stored file or folder lies in the way of the path.';

const TOO_LONG = 'The path is too long: a name has at most 255 bytes, and the whole path 1,024.';

/** Failures of a move that are the path's fault. */
const pathProblems: Readonly<Record<string, string>> = {
  EEXIST: OBSTRUCTED,
  EISDIR: OBSTRUCTED,
  ENOTDIR: OBSTRUCTED,
  ENOTEMPTY: OBSTRUCTED,
  // Some file systems allow less.
  ENAMETOOLONG: TOO_LONG,
};

async function move(temporaryFile: string, target: string): Promise<void> {
  try {
    await rename(temporaryFile, target).catch(async (error) => {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
      await mkdir(dirname(target), { recursive: true });
      await rename(temporaryFile, target);
    });
  } catch (error) {
    const problem = pathProblems[systemErrorCode(error) ?? ''];
    throw problem === undefined ? error : invalidStoragePath(problem);
  }
}

/** The longest file name that common file systems allow. */
const MAX_NAME_BYTES = 255;

/** Keeps the whole path on disk below Linux's limit of 4,096 bytes. */
const MAX_PATH_BYTES = 1_024;

/**
 * Adds the leading slash if it is missing. Throws `storage_file.path_invalid`.
 *
 * @param field that of the request which the path is from
 */
export function parseStoragePath(text: string, field: string): string {
  const path = text.startsWith('/') ? text : `/${text}`;
  const names = path.slice(1).split('/');
  if (Buffer.byteLength(path) > MAX_PATH_BYTES || names.some(isTooLong)) {
    throw invalidStoragePath(TOO_LONG, field);
  }
  if (names.every(isFileName)) return path;
  const problem =
    'The path must be that of a file, without control characters and empty, "." or ".." segments.';
  throw invalidStoragePath(problem, field);
}

function isTooLong(name: string): boolean {
  return Buffer.byteLength(name) > MAX_NAME_BYTES;
}

function isFileName(name: string): boolean {
  return !['', '.', '..'].includes(name) && !/\p{Cc}/u.test(name);
}

function invalidStoragePath(problem: string, field?: string): ApiError {
  return new ApiError(400, 'storage_file.path_invalid', problem, field === undefined ? undefined : { field });
}

/**
 * A text that two locations share if a file system may take them for one: macOS and Windows ignore case, macOS also the forms of
 * Unicode, and Windows dots and spaces at the end of a name.
 */
export function foldLocation(location: string): string {
  return location
    .normalize('NFKD')
    .toUpperCase()
    .normalize('NFKD')
    .replace(/[. ]+(?=\/|$)/g, '');
}

/** The location of a file whose path is taken, beside the other: `/a/results~<id>.csv`, or `/a/~<id>` if too long. */
export function duplicateLocation(path: string, id: string): string {
  const { dir, name, ext } = posix.parse(path);
  const readable = `${name}~${id}${ext}`;
  return posix.join(dir, isTooLong(readable) ? `~${id}` : readable);
}

/** The code of a failed system call, such as `ENOENT`; undefined for any other error. */
export function systemErrorCode(error: unknown): string | undefined {
  // Under Jest, Node's errors are of another realm, and so no instances of Error.
  const isSystemError = typeof error === 'object' && error !== null && 'syscall' in error && 'code' in error;
  return isSystemError && typeof error.code === 'string' ? error.code : undefined;
}
