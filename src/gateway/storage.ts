import { rmSync, statSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ApiError } from './api-error.js';
import { systemErrorCode } from './system-error.js';

/** The durable copies, below `storageDir/files`. */
export interface Storage {
  /**
   * Lets `write` make the file under a temporary name and moves it to `location` when it is whole.
   * An error of `write` leaves nothing behind.
   */
  place(location: string, id: string, write: (temporaryFile: string) => Promise<void>): Promise<Placed>;
  open(location: string): Promise<FileHandle>;
  pathOf(location: string): string;
}

interface Placed {
  sizeBytes: number;
}

/** By the last character of the id: files in one folder are made one at a time, and 16 folders are twice as fast. */
const TEMPORARY_FOLDERS = '0123456789abcdefghijklmnopqrstuvwxyz';

/** What the file system says when a file lies where the path needs a folder, or a folder where it needs a file. */
const obstructed = new Set(['EEXIST', 'EISDIR', 'ENOTDIR', 'ENOTEMPTY']);

export async function createStorage(storageDir: string): Promise<Storage> {
  const filesDir = join(storageDir, 'files');
  const temporaryDir = join(storageDir, 'tmp');
  await rm(temporaryDir, { recursive: true, force: true });
  for (const folder of TEMPORARY_FOLDERS) await mkdir(join(temporaryDir, folder), { recursive: true });
  await mkdir(filesDir, { recursive: true });
  const pathOf = (location: string) => join(filesDir, location);

  return {
    pathOf,
    async place(location, id, write) {
      const temporaryFile = join(temporaryDir, id.slice(-1), id);
      try {
        await write(temporaryFile);
        const { size } = statSync(temporaryFile);
        await move(temporaryFile, pathOf(location));
        return { sizeBytes: size };
      } catch (error) {
        rmSync(temporaryFile, { force: true });
        throw systemErrorCode(error) === undefined ? error : new ApiError(503);
      }
    },
    async open(location) {
      try {
        return await open(pathOf(location));
      } catch {
        throw new ApiError(503);
      }
    },
  };
}

async function move(temporaryFile: string, target: string): Promise<void> {
  try {
    await rename(temporaryFile, target).catch(async (error) => {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
      await mkdir(dirname(target), { recursive: true });
      await rename(temporaryFile, target);
    });
  } catch (error) {
    if (!obstructed.has(systemErrorCode(error) ?? '')) throw error;
    throw new ApiError(
      400,
      'storage_file.path_invalid',
      'A stored file or folder lies in the way of the path.',
    );
  }
}
