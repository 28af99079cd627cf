import { realpathSync, statSync } from 'node:fs';
import { join, posix, sep } from 'node:path';
import { ApiError } from './api-error.js';
import { systemErrorCode } from './system-error.js';

/** Where a runtime sees its workspace. */
const MOUNT = '/workspace/';

const notThere = new Set(['ENOENT', 'ENOTDIR']);
const unusable = new Set(['ELOOP', 'ENAMETOOLONG']);

/** The path below the workspace in its one spelling. Throws `runtime_file.path_invalid` if it leads out of it. */
export function toWorkspacePath(runtimePath: string): string {
  const path = posix.normalize(posix.resolve(MOUNT, runtimePath));
  if (!path.startsWith(MOUNT) || runtimePath.includes('\0')) throw invalidPath('leads out of the workspace');
  return path.slice(MOUNT.length);
}

/**
 * The real file behind a path below the workspace. Symbolic links may lead anywhere inside it. Throws `runtime_file.path_invalid` or `file.not_found`.
 */
export function findWorkspaceFile(root: string, workspacePath: string): string {
  try {
    const file = realpathSync.native(join(root, workspacePath));
    if (!isBelow(file, root) && !isBelow(file, realpathSync.native(root)))
      throw invalidPath('leads out of the workspace');
    if (!statSync(file).isFile()) throw invalidPath('is not a file');
    return file;
  } catch (error) {
    const code = systemErrorCode(error) ?? '';
    if (notThere.has(code)) throw fileNotFound();
    if (unusable.has(code)) throw invalidPath('cannot be followed');
    throw error;
  }
}

function isBelow(file: string, folder: string): boolean {
  return file.startsWith(folder + sep);
}

export function fileNotFound(): ApiError {
  return new ApiError(404, 'file.not_found', 'The runtime has no such file.');
}

function invalidPath(problem: string): ApiError {
  return new ApiError(400, 'runtime_file.path_invalid', `runtimePath ${problem}.`, { field: 'runtimePath' });
}
