import {
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  fstatSync,
  openSync,
  readlinkSync,
  readSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ApiError } from './api-error.js';
import { systemErrorCode } from './storage.js';
import { invalidPath } from './workspace.js';

/** Without these, a FIFO would block, and a terminal could become that of the gateway. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Opens a file for reading; symbolic links are followed inside the workspace. What is opened is judged, as a job may replace
 * a folder by a link at any time. Throws `runtime_file.path_invalid` or `file.not_found`.
 *
 * @returns a file descriptor
 */
export function openWorkspaceFile(workspaceDir: string, workspacePath: string): number {
  const path = join(workspaceDir, workspacePath);
  try {
    // Judged by its name first: to open some devices has an effect.
    judge(realpathSync.native(path), statSync(path), workspaceDir);
    const fd = openSync(path, OPEN_FLAGS);
    try {
      judge(locate(fd, path), fstatSync(fd), workspaceDir);
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  } catch (error) {
    switch (systemErrorCode(error)) {
      case 'ENOENT':
      case 'ENOTDIR':
        throw new ApiError(404, 'file.not_found', 'The runtime has no such file.');
      case 'ELOOP':
      case 'ENAMETOOLONG':
        throw invalidPath('cannot be followed');
      case 'ENXIO':
        throw invalidPath('is not a file');
      default:
        throw error;
    }
  }
}

function judge(realPath: string, stats: { isFile(): boolean }, workspaceDir: string): void {
  // The second check is for a runtime folder that is a symbolic link itself.
  if (!isBelow(realPath, workspaceDir) && !isBelow(realPath, realpathSync.native(workspaceDir)))
    throw invalidPath('leads out of the workspace');
  if (!stats.isFile()) throw invalidPath('is not a file');
}

function isBelow(file: string, folder: string): boolean {
  return file.startsWith(folder + sep);
}

/** The real path of an open file. */
function locate(fd: number, path: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // Other systems than Linux: the file of that name must still be the open one.
    const realPath = realpathSync.native(path);
    const [opened, named] = [fstatSync(fd), statSync(realPath)];
    if (opened.dev === named.dev && opened.ino === named.ino) return realPath;
    throw invalidPath('changed while it was opened');
  }
}

/** A file up to this size is copied at once, which is faster than through a stream. */
const CHUNK_BYTES = 1024 * 1024;

/**
 * Copies an open file, up to the size that it has now, as a job may go on writing it. `fs.copyFile` would not end for a file that
 * is truncated meanwhile.
 */
export async function copyOpenFile(fd: number, target: string): Promise<void> {
  const { size } = fstatSync(fd);
  if (size <= CHUNK_BYTES) {
    const chunk = Buffer.allocUnsafe(size);
    return writeFileSync(target, chunk.subarray(0, readSync(fd, chunk, 0, size, 0)));
  }
  const range = { start: 0, end: size - 1, highWaterMark: CHUNK_BYTES };
  await pipeline(createReadStream('', { fd, autoClose: false, ...range }), createWriteStream(target));
}
